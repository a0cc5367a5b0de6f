import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AgentId } from '../../ground/ids.ts'
import type { Action, StatedAction } from '../action.ts'
import { aCallAction, aWindow } from '../approvals.support.ts'
import { shownAsText } from './as-text.ts'
import { show, showCall, stringsIn, valuesOf } from './shown.support.ts'

const agent = { id: 'agent_0000000000000000000001' as AgentId, name: 'robot' }
const terms = { assurance: 'tap', lifeSeconds: 90, uses: 1 } as const

const aStatedAction = (over: Partial<StatedAction> = {}): StatedAction => ({
  kind: 'stated',
  install: '0'.repeat(32),
  agent,
  action: 'shell.exec',
  risk: 'high',
  context: '{"params":{"command":"rm -rf ./old"},"cwd":"/srv"}',
  payloadHash: 'ab'.repeat(32),
  description: 'tidy up',
  request: 'req_1',
  terms,
  ...over,
})

/** Every action that differs from `action` in one of its leaves. */
function* mutants(action: Action): Generator<readonly [path: string, changed: Action]> {
  function* of(value: unknown, path: string, put: (value: unknown) => unknown): Generator<readonly [string, unknown]> {
    if (typeof value !== 'object' || value === null) {
      if (path === '/terms/assurance') yield [path, put('two-people')]
      else yield [path, put(typeof value === 'number' ? value + 1 : `${value}x`)]
      return
    }
    for (const [name, member] of Object.entries(value)) {
      const replaced = (changed: unknown) => {
        const twin = structuredClone(value) as Record<string, unknown>
        twin[name] = changed
        return put(twin)
      }
      yield* of(member, `${path}/${name}`, replaced)
    }
  }
  for (const [path, changed] of of(action, '', (value) => value)) yield [path, changed as Action]
}

describe('shownAction()', () => {
  for (const action of [
    aCallAction(),
    aStatedAction(),
    aWindow(),
    aWindow({ action: undefined, path: '/v1/orders' }),
  ]) {
    test(`shows other facts for every field of a ${action.kind} that is another, beside the digest (G-01)`, () => {
      const seen = new Map<string, string>()
      const look = (path: string, one: Action) => {
        const { facts, said } = show({ action: one })
        const drawn = JSON.stringify([facts.filter(({ name }) => name !== 'digest'), said])
        assert.equal(seen.get(drawn), undefined, `${path} shows as ${seen.get(drawn)}`)
        seen.set(drawn, path)
      }
      look('nothing', action)
      for (const [path, changed] of mutants(action)) {
        if (path !== '/kind') look(path, changed)
      }
      assert.ok(seen.size >= 12, String(seen.size))
    })
  }

  test('shows the digest, which differs for what is hidden or cut too', () => {
    const hiddenIn = (value: string) => show({ action: aCallAction({ headers: [['x-api-key', value]] }) })
    const [one, two] = [hiddenIn('hunter2'), hiddenIn('hunter3')]
    assert.notDeepEqual(valuesOf(one.facts, 'digest'), valuesOf(two.facts, 'digest'))
    assert.deepEqual(valuesOf(one.facts, 'header'), valuesOf(two.facts, 'header'))
  })

  test('says what a yes allows, how often and until when', () => {
    const { allows } = show({ action: aCallAction() })
    assert.match(allows, /^Exactly this request, once, within 15 minutes of the yes/)
    assert.match(allows, /2026-11-21T00:15:00Z/)
    assert.match(
      show({ action: aWindow() }).allows,
      /^This call, and 20 more .* within 1 hour .*until 2026-11-21T01:00:00Z/,
    )
    assert.match(show({ action: aStatedAction() }).allows, /within 1 minute 30 seconds/)
  })

  test('shows what an agent states leaf by leaf, its words below and quoted (CG-08)', () => {
    const shown = show({ action: aStatedAction({ description: 'harmless\u202e\nmethod: GET' }) })
    assert.deepEqual(valuesOf(shown.facts, 'params.command'), ['rm -rf ./old'])
    assert.deepEqual(shown.said, [{ name: 'description', lines: ['harmless⟨U+202E⟩', 'method: GET'] }])
    const text = shownAsText(shown, { maxCharacters: 4_096 }).split('\n')
    assert.ok(text.indexOf('│ method: GET') > text.indexOf('cwd: /srv'))
    assert.ok(!text.includes('method: GET'))
  })

  test('shows a body that is not the one of the action to nobody', () => {
    const shown = show({ action: aCallAction(), body: Buffer.from('{"amount":1}') })
    assert.equal(shown.body, undefined)
    assert.equal(shown.preview, undefined)
    assert.ok(shown.warnings.some((warning) => warning.includes('not the one')))
  })

  test('says that a body is not at hand', () => {
    assert.ok(show({ action: aCallAction() }).warnings.some((warning) => warning.includes('17 bytes')))
  })

  for (const [what, origin, wanted] of [
    ['letters of two scripts', 'https://api.g\u0456thub.com', /Latin and Cyrillic/],
    ['punycode', 'https://xn--80ak6aa92e.com', /punycode.*\u0430\u0440\u0440\u04cf\u0435\.com/],
    ['a bare address', 'https://203.0.113.7:8443', /bare address/],
    ['a bare IPv6 address', 'https://[2001:db8::1]', /bare address/],
    ['plain http', 'http://api.shop.test', /can be read on the way/],
  ] as const) {
    test(`warns of ${what} in the host`, () => {
      const { warnings } = show({ action: aCallAction({ origin }) })
      assert.ok(
        warnings.some((warning) => wanted.test(warning)),
        warnings.join('\n'),
      )
    })
  }

  test('says to whom a long host name belongs', () => {
    const { facts } = show({ action: aCallAction({ origin: 'https://api.github.com.evil.test' }) })
    assert.deepEqual(valuesOf(facts, 'belongs to'), ['evil.test'])
  })

  test('decodes path and query, and says so beside what is sent', () => {
    const { facts } = show({ action: aCallAction({ path: '/v1/a%20b', query: 'q=x%E2%80%AE+y&n' }) })
    assert.deepEqual(valuesOf(facts, 'path'), ['/v1/a%20b'])
    assert.deepEqual(valuesOf(facts, 'path, decoded'), ['/v1/a b'])
    assert.deepEqual(valuesOf(facts, 'query'), ['q = x⟨U+202E⟩ y', 'n = '])
    assert.deepEqual(valuesOf(facts, 'query, as sent'), ['q=x%E2%80%AE+y&n'])
  })
})

describe('secrets (D-06)', () => {
  const key = ['sk', 'live', 'Zq8R2mV5tYw1XcB7nKp4LdHs'].join('_')
  const opaque = 'Zq8R2mV5tYw1XcB7nKp4LdHsGfJ3'

  for (const [what, over, body, type] of [
    ['a header of a telling name', { headers: [['x-api-key', opaque]] }, '', 'text/plain'],
    ['a header that looks like one', { headers: [['x-thing', opaque]] }, '', 'text/plain'],
    ['a query', { query: `token=${opaque}&b=${opaque}&${opaque}` }, '', 'text/plain'],
    ['a path', { path: `/v1/${key}` }, '', 'text/plain'],
    ['a member of JSON', {}, `{"note":"${key}","client_secret":"${opaque}","apiKey":"${opaque}"}`, 'application/json'],
    [
      'a list in JSON',
      {},
      `{"password":["${opaque}",["${opaque}"]],"b":{"tokens":1,"token":["a","${opaque}"]}}`,
      'application/json',
    ],
    [
      'a value that a preview writes as JSON',
      { origin: 'https://api.github.com', path: '/repos/o/r/actions/workflows/a.yml/dispatches' },
      `{"ref":"main","inputs":{"password":"${opaque}"}}`,
      'application/json',
    ],
    ['a field of a form', {}, `note=${key}&user[password]=${opaque}`, 'application/x-www-form-urlencoded'],
    ['a text', {}, `the key is ${key}.`, 'text/plain'],
  ] as const) {
    test(`are shown nowhere: ${what}`, () => {
      const shown = showCall(body, type, over as never)
      const drawn = [...stringsIn(shown), shownAsText(shown, { maxCharacters: 100_000 })].join('\n')
      assert.ok(!drawn.includes(opaque.slice(0, 12)), drawn)
      assert.ok(!drawn.includes(key.slice(8, 20)), drawn)
    })
  }

  test('are not shown of what an agent states', () => {
    const context = JSON.stringify({ params: { password: ['hunter2'], api_key: 'hunter3', command: 'ls' } })
    const drawn = JSON.stringify(show({ action: aStatedAction({ context }) }))
    assert.ok(!/hunter[23]/.test(drawn), drawn)
    assert.ok(drawn.includes('"ls"'))
  })

  test('of any look are left out of what messengers get', () => {
    const said = [{ name: 'why', text: `it is ${opaque}` }]
    const shown = showCall(`{"note":"${opaque}","list":["${opaque}"]}`, 'application/json', { path: `/v1/${opaque}` })
    const text = shownAsText({ ...shown, said: show({ action: aCallAction(), said }).said }, { maxCharacters: 100_000 })
    assert.ok(!text.includes(opaque.slice(0, 12)), text)
    assert.match(text, /hidden: 28 characters/)
  })

  test('are named by their handle', () => {
    const { facts } = show({ action: aCallAction() })
    assert.deepEqual(valuesOf(facts, 'credential'), ['shop-live (crd_0000000000000000000001)'])
  })
})

describe('shownAsText()', () => {
  test('keeps within its length and says what is missing', () => {
    const lines = JSON.stringify(Array.from({ length: 500 }, (_, at) => `line ${at}`))
    const shown = showCall(lines, 'application/json')
    for (const maxCharacters of [200, 1_000, 4_096]) {
      const text = shownAsText(shown, { maxCharacters })
      assert.ok(text.length <= maxCharacters, String(text.length))
      assert.match(text, /\n… [0-9,]+ more lines, [0-9,]+ characters: open the approval to see them$/)
    }
    assert.match(shownAsText(shown, { maxCharacters: 1_000_000 }), /"line 499"/)
  })

  test('has what decides before what a caller can make long', () => {
    const headers = Array.from({ length: 60 }, (_, at) => [`x-${at}`, 'long '.repeat(100)] as const)
    const shown = show({ action: aCallAction({ headers, query: `q=${'x+'.repeat(2_000)}` }) })
    const text = shownAsText(shown, { maxCharacters: 4_096 })
    for (const value of ['method: POST', 'shop-live', 'robot', 'payments', 'answer wanted: passkey']) {
      assert.ok(text.includes(value), value)
    }
  })
})
