import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { after, describe, test } from 'node:test'
import { readSecret, type SecretOptions, textOf } from './secret-source.ts'
import type { Terminal } from './terminal.ts'

const root = mkdtempSync(join(tmpdir(), 'claviger-secret-'))
after(() => rmSync(root, { recursive: true }))

/** A terminal of streams. `typed` is what a person types; `piped` what stdin holds when it is none. */
function terminal({
  env = {},
  piped,
  typed,
}: {
  env?: Record<string, string>
  piped?: string | Buffer
  typed?: string[]
}) {
  const stdin = Object.assign(new PassThrough(), {
    isTTY: typed !== undefined,
    raw: [] as boolean[],
    setRawMode: (on: boolean) => stdin.raw.push(on),
  })
  const stderr = new PassThrough()
  let shown = ''
  stderr.on('data', (bytes) => {
    shown += bytes
    if (bytes.toString().endsWith(': ')) setImmediate(() => stdin.write(typed?.shift() ?? '\u0004'))
  })
  if (piped !== undefined) stdin.end(piped)
  const made = { env, stdin, stdout: new PassThrough(), stderr } as unknown as Terminal
  return { made, shown: () => shown, raw: stdin.raw }
}

function file(content: string | Buffer): string {
  const path = join(root, `f${Math.random()}`)
  writeFileSync(path, content)
  return path
}

async function read(
  options: SecretOptions,
  from: Parameters<typeof terminal>[0] = {},
  confirm = false,
): Promise<string> {
  return textOf(await readSecret(options, terminal(from).made, 'Secret', confirm))
}

describe('readSecret()', () => {
  test('takes it from variable, file or stdin, without the line end', async () => {
    assert.equal(await read({ secretEnv: 'KEY' }, { env: { KEY: ' s3cret ' } }), ' s3cret ')
    assert.equal(await read({ secretFile: file('s3cret\n') }), 's3cret')
    assert.equal(await read({ secretFile: file('s3cret\r\n') }), 's3cret')
    assert.equal(await read({ secretFile: file('two\nlines\n\n') }), 'two\nlines\n')
    assert.equal(await read({ secretStdin: true }, { piped: 'p1ped\n' }), 'p1ped')
  })

  const refused: readonly (readonly [string, SecretOptions, Parameters<typeof terminal>[0], string])[] = [
    ['no source and no terminal', {}, { piped: 'x' }, 'secret_source_missing'],
    ['two sources', { secretEnv: 'KEY', secretStdin: true }, { env: { KEY: 'x' }, piped: 'x' }, 'usage'],
    ['a variable that is not set', { secretEnv: 'KEY' }, {}, 'secret_source_invalid'],
    ['a value in place of a name', { secretEnv: 'sk-123' }, {}, 'secret_in_argv'],
    ['an empty file', { secretFile: file('\n') }, {}, 'secret_source_invalid'],
    ['a file that is not there', { secretFile: join(root, 'none') }, {}, 'secret_source_invalid'],
    ['a folder', { secretFile: root }, {}, 'secret_source_invalid'],
    ['a file of more than 64 KiB', { secretFile: file(Buffer.alloc(65_537, 97)) }, {}, 'secret_source_invalid'],
    ['endless stdin', { secretStdin: true }, { piped: Buffer.alloc(70_000, 97) }, 'secret_source_invalid'],
    ['bytes that are no text', { secretFile: file(Buffer.from([0xff, 0xfe])) }, {}, 'secret_source_invalid'],
    ['Ctrl-D at the prompt', {}, { typed: ['\u0004'] }, 'secret_source_missing'],
    ['Ctrl-C at the prompt', {}, { typed: ['abc\u0003'] }, 'secret_source_missing'],
  ]
  for (const [what, options, from, code] of refused) {
    test(`refuses ${what}`, () => assert.rejects(read(options, from), { code }))
  }

  test('asks on a terminal without echo, and lets typing errors be corrected', async () => {
    const { made, shown, raw } = terminal({ typed: ['ab\u007f\u007fs3cré\u007fet\r'] })
    assert.equal(textOf(await readSecret({}, made, 'Secret for x')), 's3cret')
    assert.equal(shown(), 'Secret for x: \n')
    assert.deepEqual(raw, [true, false])
  })

  test('asks twice where a mistake would lock somebody out', async () => {
    assert.equal(await read({}, { typed: ['one\r', 'one\r'] }, true), 'one')
    await assert.rejects(read({}, { typed: ['one\r', 'two\r'] }, true), { code: 'secret_source_invalid' })
  })
})
