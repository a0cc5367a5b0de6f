import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { escapeControls } from './escape-controls.ts'
import { createLog, type Log } from './log.ts'
import { Secret } from './secret.ts'

function capture(level: Parameters<typeof createLog>[0], use: (log: Log) => void, pretty = false): string {
  let text = ''
  use(
    createLog(level, pretty, {
      write: (line) => {
        text += line
      },
    }),
  )
  return text
}

const canary = 'sk-live-canary'

describe('createLog()', () => {
  test('writes one JSON line with the request id of its child', () => {
    const line = capture('info', (log) =>
      log.child({ rid: 'call_1' }).warn({ service: 'github', status: 502 }, 'upstream failed'),
    )
    const { time, ...rest } = JSON.parse(line)
    assert.match(time, /^\d{4}-\d\d-\d\dT/)
    assert.deepEqual(rest, { level: 'warn', rid: 'call_1', service: 'github', status: 502, msg: 'upstream failed' })
    assert.equal(line.split('\n').length, 2)
  })

  const leaks: readonly (readonly [string, (log: Log) => void])[] = [
    ['a field that is not listed', (log) => log.info({ authorization: canary }, 'x')],
    ['a child with such a field', (log) => log.child({ headers: { a: canary } }).info('x')],
    ['a grandchild with such a field', (log) => log.child({ rid: 'r' }).child({ body: canary }).info('x')],
    ['an object in a listed field', (log) => log.info({ path: { toString: () => canary, raw: canary } }, 'x')],
    ['the message of an error of a library', (log) => log.error(new Error(canary))],
    ['the same with a message of ours', (log) => log.error({ err: new Error(canary) }, 'x')],
    [
      'the same without',
      (log) => log.error({ err: Object.assign(new Error(canary), { cause: canary, input: canary }) }),
    ],
    ['a Secret in the text', (log) => log.info(`x ${Secret.fromText(canary)}`)],
    [
      'a Secret as argument',
      (log) => log.info('x %s %o %j', Secret.fromText(canary), Secret.fromText(canary), Secret.fromText(canary)),
    ],
  ]
  for (const [name, use] of leaks) {
    test(`drops ${name}`, () => {
      const line = capture('trace', use)
      assert.notEqual(line, '')
      assert.ok(!line.includes(canary), line)
    })
  }

  test('keeps quiet below its level', () => {
    assert.equal(
      capture('warn', (log) => log.info('x')),
      '',
    )
  })

  test('lets no text drive the terminal', () => {
    const line = capture('info', (log) => log.info({ path: '/a\u001b]0;x\u0007\u202e' }, 'denied\r\nforged'), true)
    assert.match(line, /INFO {2}denied\\x0d\\x0aforged path=\/a\\x1b\]0;x\\x07\\u202e\n$/)
    assert.equal(escapeControls('plain é ✓'), 'plain é ✓')
  })
})
