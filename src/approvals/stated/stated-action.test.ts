import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import type { AgentId } from '../../ground/ids.ts'
import { actionDigest } from '../action.ts'
import { shownAction } from '../shown/show-action.ts'
import { compared, doersPart, isOfWhatIsShown, type Stated, statedAction } from './stated-action.ts'

const agent = { id: 'agent_0000000000000000000001' as AgentId, name: 'robot' }
const context = { tool: 'exec', z: 1.5, nothing: null, é: ['\u2028'] }
const stated = (over: Partial<Stated> = {}) =>
  statedAction({
    ...{ install: '0'.repeat(32), agent, action: 'shell.exec', risk: 'high', context, request: 'r' },
    terms: { assurance: 'passkey', lifeSeconds: 900, goodSeconds: 300, uses: 1 },
    ...over,
  })
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

describe('statedAction()', () => {
  test('keeps the context as its canonical text, which is what is digested', () => {
    assert.equal(stated().context, '{"nothing":null,"tool":"exec","z":1.5,"é":["\u2028"]}')
    const turned = Object.fromEntries(Object.entries(context).reverse())
    assert.equal(actionDigest(stated({ context: turned as never })), actionDigest(stated()))
    assert.notEqual(actionDigest(stated({ context: { ...context, z: 1.25 } })), actionDigest(stated()))
  })

  test('hashes the payload, what it is given as hash, or action, agent and context', () => {
    assert.equal(stated({ payload: { b: 1e30, a: null } }).payloadHash, sha256('{"a":null,"b":1e+30}'))
    assert.equal(stated({ payload: null }).payloadHash, sha256('null'))
    assert.equal(stated({ payloadHash: 'ab'.repeat(32) }).payloadHash, 'ab'.repeat(32))
    const whole = `{"action":"shell.exec","agentId":"${agent.id}","context":${stated().context}}`
    assert.equal(stated().payloadHash, sha256(whole))
    const bare = `{"action":"shell.exec","agentId":"${agent.id}"}`
    assert.equal(stated({ context: {} }).payloadHash, sha256(bare))
  })

  test('is another for each request, but the same under the same name or key', () => {
    const digest = (over: Partial<Stated>) => actionDigest(stated({ request: undefined, ...over }))
    assert.notEqual(digest({}), digest({}))
    assert.equal(digest({ idempotencyKey: 'k' }), digest({ idempotencyKey: 'k' }))
    assert.notEqual(digest({ idempotencyKey: 'k' }), digest({ idempotencyKey: 'l' }))
    assert.equal(digest({ request: 'a', idempotencyKey: 'k' }), digest({ request: 'a', idempotencyKey: 'l' }))
  })
})

describe('a stated action before a person', () => {
  const shown = (over: Partial<Stated>) => shownAction({ action: stated(over), standing: { reasons: [] }, now: 0 })
  const hash = (value: unknown) => sha256(JSON.stringify(value))

  for (const [what, over] of [
    ['context', {}],
    ['payload', { payload: { command: 'rm -rf ./old' } }],
    [
      'part of the context that a door’s clients compare',
      { payloadHash: hash(compared('shell.exec', 'robot', { tool: 'exec' })) },
    ],
  ] as const) {
    test(`is shown whole where its hash is of the ${what}`, () => {
      assert.ok(isOfWhatIsShown(stated(over)))
      assert.deepEqual(shown(over).warnings, [])
    })
  }

  test('is said to hide something where its hash is of something else', () => {
    for (const over of [{ payloadHash: 'ab'.repeat(32) }, { context: {}, payloadHash: sha256('null') }]) {
      assert.equal(isOfWhatIsShown(stated(over)), false)
      assert.equal(shown(over).warnings.length, 1)
    }
    assert.deepEqual(Object.keys(doersPart(context)), ['tool'])
  })

  test('has all of its payload drawn, and how long a yes is good for', () => {
    const drawn = shown({ payload: { command: 'rm -rf ./old' }, description: 'tidy up' })
    assert.ok(JSON.stringify(drawn.body).includes('rm -rf ./old'))
    assert.ok(drawn.facts.some(({ name, value }) => name === 'a yes is good for' && value === '5 minutes'))
    assert.ok(drawn.allows.includes('5 minutes') && !drawn.allows.includes('15 minutes'))
    assert.deepEqual(
      drawn.said.map(({ name }) => name),
      ['description'],
    )
  })
})
