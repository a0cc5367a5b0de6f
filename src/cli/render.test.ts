import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { exitCodeOf } from './exit-codes.ts'
import { facts, firstOf, table } from './render.ts'
import { actions, injection } from './service.ts'
import { safeJson, safeText } from './terminal.ts'
import { pairs, query, seconds } from './values.ts'

describe('rendering', () => {
  test('aligns a table and leaves out columns nobody has', () => {
    const items = [
      { name: 'a', scopes: ['x:read', 'x:write'], expiresAt: 1_800_000_000_000 },
      { name: 'longer', scopes: [] },
    ]
    assert.equal(
      table(items, ['name', 'scopes', 'expiresAt', 'rpm']),
      'NAME    SCOPES          EXPIRES AT\na       x:read x:write  2027-01-15T08:00:00.000Z\nlonger  -               -',
    )
    assert.equal(table([], ['name'], 'no agents'), 'no agents')
  })

  test('cuts the widest columns where a line would be wider than the terminal, and none where nobody says how wide', () => {
    const items = [{ name: 'a', path: '/'.padEnd(60, 'x'), scopes: ['s:'.padEnd(40, 'y')], id: 'srv_1' }]
    const columns = ['name', 'path', 'scopes', 'id']
    const lines = table(items, columns, 'none', 60).split('\n')
    assert.ok(
      lines.every((line) => line.length <= 60),
      lines.join('\n'),
    )
    assert.match(lines[1] ?? '', /^a {5}\/x+… {2}s:y+… {2}srv_1$/)
    assert.ok(table(items, columns).includes('x'.repeat(59)))
    assert.equal(firstOf(['a', 'b', 'c']), 'a +2')
  })

  test('shows one thing with its parts', () => {
    const item = { id: 'x', vault: { state: 'sealed', reason: undefined }, list: [{ a: 1 }, { a: 2 }], off: false }
    assert.equal(facts(item), 'id           x\nvault.state  sealed\nlist[0].a    1\nlist[1].a    2\noff          false')
  })

  test('lets no text drive the terminal', () => {
    const nasty = 'a\u001b[2J\u009b\u202e\u2028\r\nb\t'
    for (const text of [safeText(nasty), safeJson({ nasty })])
      assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e]/)
    assert.equal(safeText('a\nb é'), 'a\nb é')
    assert.deepEqual(JSON.parse(safeJson({ nasty })), { nasty })
  })
})

describe('values', () => {
  test('lives carry their unit', () => {
    assert.deepEqual(
      ['90s', '30m', '12h', '30d', '2w', '1y'].map((text) => seconds(text, '--ttl')),
      [90, 1_800, 43_200, 2_592_000, 1_209_600, 31_536_000],
    )
    for (const text of ['', '5', '0d', '-1d', '1.5h', '1 d', '1D', '9999999999s']) {
      assert.throws(() => seconds(text, '--ttl'), { code: 'usage' }, text)
    }
  })

  test('pairs keep what follows the first sign, and refuse a name twice', () => {
    assert.deepEqual(pairs(['a=b=c', 'd='], '--meta'), { a: 'b=c', d: '' })
    for (const texts of [['a'], ['=b'], ['a=1', 'a=2']]) assert.throws(() => pairs(texts, '--meta'), { code: 'usage' })
    assert.deepEqual(pairs(['__proto__=x'], '--meta').constructor, Object)
  })

  test('a query keeps repeats in order', () => {
    assert.deepEqual(query(['a=1', 'b=2', 'a=3'], '--query'), { a: ['1', '3'], b: '2' })
    assert.equal(query([], '--query'), undefined)
  })

  test('injections and actions are read from words', () => {
    assert.deepEqual(
      ['bearer', 'none', 'basic', 'basic:me', 'header:X-Key', 'query:key', 'template:Authorization=Bot {secret}'].map(
        injection,
      ),
      [
        { kind: 'bearer' },
        { kind: 'none' },
        { kind: 'basic' },
        { kind: 'basic', username: 'me' },
        { kind: 'header', name: 'X-Key' },
        { kind: 'query', name: 'key' },
        { kind: 'template', name: 'Authorization', template: 'Bot {secret}' },
      ],
    )
    for (const text of ['', 'bearer:x', 'header', 'header:', 'template:A=b', 'cookie:x']) {
      assert.throws(() => injection(text), { code: 'usage' }, text)
    }
    assert.deepEqual(actions(['repo.get=get /repos/{owner}/{repo}']), {
      'repo.get': { method: 'GET', path: '/repos/{owner}/{repo}' },
    })
  })
})

test('exit codes follow the problem', () => {
  const cases = [
    ['usage', 400, 64],
    ['secret_in_argv', 400, 64],
    ['gateway_not_running', 503, 69],
    ['internal_error', 500, 70],
    ['storage_full', 503, 74],
    ['audit_unavailable', 503, 75],
    ['operator_token_missing', 401, 77],
    ['token_unknown', 401, 77],
    ['home_in_use', 409, 78],
    ['setting_unsafe', 500, 78],
    ['agent_unknown', 404, 1],
    ['scope_not_granted', 403, 1],
  ] as const
  for (const [code, status, wanted] of cases) assert.equal(exitCodeOf({ code, status }), wanted, code)
})
