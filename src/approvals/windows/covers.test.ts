import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { CredentialId } from '../../ground/ids.ts'
import { type Action, actionDigest, type CallAction, type WindowAction } from '../action.ts'
import { aCallAction } from '../approvals.support.ts'
import { covers } from './covers.ts'
import { offeredWindow } from './offer.ts'

const bounds = { maxSeconds: 3_600, maxUses: 20 }
const windowOf = (call: CallAction) => offeredWindow(call, actionDigest(call), bounds)
const named = aCallAction({ risk: 'medium' })
const unnamed = aCallAction({ action: undefined })
const [rule] = named.rules as [CallAction['rules'][number]]

/** What a call of the same form may have for itself. */
const open: readonly (readonly [what: string, over: Partial<CallAction>])[] = [
  ['nothing', {}],
  ['query', { query: 'dry=1' }],
  ['headers', { headers: [['x-kind', 'other']] }],
  ['body', { body: { bytes: 3, sha256: 'ef'.repeat(32) } }],
  ['no body', { body: undefined }],
  ['lower risk', { risk: 'low' }],
  ['the life of a yes to it alone', { terms: { ...named.terms, lifeSeconds: 30 } }],
]

/** Everything else: each is another question than the one that was answered. */
const closed: readonly (readonly [what: string, over: Partial<CallAction>])[] = [
  ['installation', { install: '1'.repeat(32) }],
  ['agent', { agent: { ...named.agent, id: 'agent_2' as never } }],
  ['name of the agent', { agent: { ...named.agent, name: 'other' } }],
  ['service', { service: { ...named.service, id: 'srv_2' as never } }],
  ['name of the service', { service: { ...named.service, name: 'other' } }],
  ['version of the service', { service: { ...named.service, version: '9' } }],
  ['action', { action: 'order.refund' }],
  ['method', { method: 'PUT' }],
  ['scheme', { origin: 'http://api.shop.test' }],
  ['host', { origin: 'https://api.shop.evil' }],
  ['port', { origin: 'https://api.shop.test:8443' }],
  ['higher risk', { risk: 'high' }],
  ['risk that nobody knows', { risk: 'critical' as never }],
  ['credential', { credential: { id: 'crd_2' as CredentialId, handle: 'shop-live' } }],
  ['handle', { credential: { id: named.credential?.id as CredentialId, handle: 'other' } }],
  ['no credential', { credential: undefined }],
  ['stronger answer wanted', { terms: { ...named.terms, assurance: 'two-people' } }],
  ['answer wanted that nobody knows', { terms: { ...named.terms, assurance: 'nod' as never } }],
  ['a rule more', { rules: [rule, { id: 'rul_2', name: 'more', version: 1 }] }],
  ['a rule less', { rules: [] }],
  ['another rule', { rules: [{ ...rule, id: 'rul_2' }] }],
  ['rule of another name', { rules: [{ ...rule, name: 'other' }] }],
  ['rule of another version', { rules: [{ ...rule, version: 2 }] }],
]

describe('covers()', () => {
  for (const [kind, call] of [
    ['a named action', named],
    ['a path', { ...unnamed, risk: 'medium' }],
  ] as const) {
    const window = windowOf(call)
    for (const [what, over] of open)
      test(`leaves open for ${kind}: ${what}`, () => assert.ok(covers(window, { ...call, ...over })))
    for (const [what, over] of closed)
      test(`does not cover for ${kind}: ${what}`, () => assert.equal(covers(window, { ...call, ...over }), false))
  }

  test('leaves open the path of a named action, and no other', () => {
    assert.ok(covers(windowOf(named), { ...named, path: '/v1/orders/8/pay' }))
    for (const path of ['/v1/orders/8/pay', '/V1/orders/7/pay', '/v1/orders/7/pay/'])
      assert.equal(covers(windowOf(unnamed), { ...unnamed, path }), false, path)
  })

  test('does not take an action for a path, nor a window for nothing at all for everything', () => {
    assert.equal(covers(windowOf(unnamed), { ...unnamed, action: 'order.pay' }), false)
    assert.equal(covers(windowOf(named), { ...named, action: undefined }), false)
    assert.equal(covers({ ...windowOf(unnamed), path: undefined } as WindowAction, unnamed), false)
  })

  test('covers nothing but what was shown: whatever of the window is other does not fit the call (G-08)', () => {
    const free = new Set(['/kind', '/first', '/terms/lifeSeconds', '/terms/uses'])
    for (const call of [named, unnamed]) {
      let tried = 0
      for (const [path, window] of mutantsOf(windowOf(call))) {
        if (free.has(path)) continue
        tried += 1
        assert.equal(covers(window, call), false, path)
      }
      assert.ok(tried >= 14, String(tried))
    }
  })
})

describe('offeredWindow()', () => {
  test('is another for another call, and the same for the same', () => {
    const digest = (action: Action) => actionDigest(action)
    assert.equal(digest(windowOf(named)), digest(windowOf({ ...named })))
    assert.notEqual(digest(windowOf(named)), digest(windowOf({ ...named, path: '/v1/orders/8/pay' })), 'its first call')
    assert.notEqual(digest(windowOf(named)), digest(named))
  })
})

/** Every window that differs in one of its leaves. */
function* mutantsOf(window: WindowAction): Generator<readonly [path: string, changed: WindowAction]> {
  function* of(value: unknown, path: string, put: (value: unknown) => unknown): Generator<readonly [string, unknown]> {
    if (typeof value !== 'object' || value === null) {
      yield [path, put(typeof value === 'number' ? value + 1 : `${value}x`)]
      return
    }
    for (const [name, member] of Object.entries(value)) {
      const replaced = (changed: unknown) =>
        put(Object.assign(Array.isArray(value) ? [...value] : { ...value }, { [name]: changed }))
      yield* of(member, `${path}/${name}`, replaced)
    }
  }
  for (const [path, changed] of of(window, '', (value) => value)) yield [path, changed as WindowAction]
}
