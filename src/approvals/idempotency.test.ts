import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { AgentId, ServiceId } from '../ground/ids.ts'
import type { Action, CallAction, StatedAction } from './action.ts'
import { aCallAction, aStatement, TestApprovals, VERDICT } from './approvals.support.ts'
import type { Approval } from './contract.ts'
import { readIdempotencyKey } from './idempotency.ts'
import { toForget } from './upkeep.ts'

const DAY_MS = 24 * 3_600_000
const by = { kind: 'agent', id: 'agent_1' } as const
const ask = ({ approvals }: TestApprovals, action: Action, idempotencyKey = 'k') =>
  approvals.ask({ action, token: 'tok_1', idempotencyKey })
describe('an idempotency key', () => {
  for (const [given, key] of [
    ['8e03978e-40d5-43e8-bc93-6894a57f9324', '8e03978e-40d5-43e8-bc93-6894a57f9324'],
    ['"8e03978e-40d5-43e8-bc93-6894a57f9324"', '8e03978e-40d5-43e8-bc93-6894a57f9324'],
    [' a b ', 'a b'],
    ['"', '"'],
    ['x'.repeat(255), 'x'.repeat(255)],
    [undefined, undefined],
  ] as const) {
    test(`is read: ${given?.slice(0, 40)}`, () => assert.equal(readIdempotencyKey(given), key))
  }

  for (const given of ['', '   ', 'x'.repeat(256), 'é', 'a\tb', '\u0000']) {
    test(`is refused where it is none: ${JSON.stringify(given.slice(0, 20))}`, async () => {
      assert.throws(() => readIdempotencyKey(given), { code: 'idempotency_key_invalid' })
      await using room = await new TestApprovals().start()
      await assert.rejects(ask(room, aCallAction(), given), { code: 'idempotency_key_invalid' })
      assert.equal(room.approvals.list().length, 0)
    })
  }

  const ends: readonly [string, (room: TestApprovals, approval: Approval) => unknown][] = [
    ['waits', () => undefined],
    ['was taken back', ({ approvals }, { id }) => approvals.cancel(id, by)],
    ['was denied', ({ approvals }, { id }) => approvals.decide(id, 'denied', VERDICT)],
    ['was approved', ({ approvals }, { id }) => approvals.decide(id, 'approved', VERDICT)],
    [
      'was used',
      async ({ approvals }, { id, digest }) => {
        await approvals.decide(id, 'approved', VERDICT)
        assert.ok(await approvals.consume(id, digest, undefined, by))
      },
    ],
    ['ran out', ({ clock }) => clock.advance(900_001)],
  ]
  for (const [what, happen] of ends) {
    for (const action of [aCallAction(), aStatement()]) {
      test(`gives the ${action.kind} that ${what} for a day, over a restart, and then another`, async () => {
        await using room = await new TestApprovals().start()
        const asked = room.clock.now()
        const first = await ask(room, action)
        await happen(room, first)
        assert.equal((await ask(room, action)).id, first.id)
        await room.approvals.sweep()
        await room.restart()
        room.clock.advance(asked + DAY_MS - room.clock.now())
        await room.approvals.sweep()
        assert.equal((await ask(room, action)).id, first.id)
        room.clock.advance(3_600_001)
        assert.notEqual((await ask(room, action)).id, first.id)
      })
    }
  }

  const others: readonly [string, Action, Action][] = [
    ...(
      [
        ['path', { path: '/other' }],
        ['query', { query: 'dry=1' }],
        ['method', { method: 'PUT' }],
        ['headers', { headers: [['accept', '*/*']] }],
        ['body', { body: { bytes: 17, sha256: 'ef'.repeat(32) } }],
        ['no body', { body: undefined }],
        ['origin', { origin: 'https://other.test' }],
        ['service', { service: { id: 'srv_2' as ServiceId, name: 'shop', version: '1' } }],
      ] satisfies [string, Partial<CallAction>][]
    ).map(([what, over]): [string, Action, Action] => [`call: ${what}`, aCallAction(), aCallAction(over)]),
    ...(
      [
        ['action', { action: 'shell.else' }],
        ['context', { context: '{"a":2}' }],
        ['payload', { payloadHash: 'cd'.repeat(32) }],
        ['risk', { risk: 'low' }],
        ['description', { description: 'x' }],
        ['life', { terms: { assurance: 'passkey', lifeSeconds: 901, uses: 1 } }],
        ['assurance', { terms: { assurance: 'two-people', lifeSeconds: 900, uses: 1 } }],
      ] satisfies [string, Partial<StatedAction>][]
    ).map(([what, over]): [string, Action, Action] => [`stated: ${what}`, aStatement(), aStatement(over)]),
    ['another kind', aCallAction(), aStatement()],
  ]
  for (const [what, one, other] of others) {
    test(`is refused for another request (${what}), at the same time too`, async () => {
      await using room = await new TestApprovals().start()
      const [first, second] = await Promise.allSettled([ask(room, one), ask(room, other)])
      assert.equal(first.status, 'fulfilled')
      assert.equal(second.status === 'rejected' && second.reason.code, 'idempotency_conflict')
      await assert.rejects(ask(room, other), { code: 'idempotency_conflict' })
      assert.equal(room.approvals.list().length, 1)
      assert.notEqual((await ask(room, other, 'another')).id, (await ask(room, one)).id)
    })
  }

  test('is one for however many ask at once', async () => {
    await using room = await new TestApprovals().start()
    const asked = await Promise.all(Array.from({ length: 32 }, () => ask(room, aStatement())))
    assert.equal(new Set(asked.map(({ id }) => id)).size, 1)
    assert.equal(room.heard.filter((what) => what.startsWith('opened')).length, 1)
  })

  test('is another for each agent', async () => {
    await using room = await new TestApprovals().start()
    const agent = { id: 'agent_0000000000000000000002' as AgentId, name: 'other' }
    assert.notEqual((await ask(room, aCallAction({ agent }))).id, (await ask(room, aCallAction())).id)
  })

  test('asks a person anew for the same call where the rules are others by now', async () => {
    await using room = await new TestApprovals().start()
    const first = await ask(room, aCallAction())
    const changed = aCallAction({ rules: [], agent: { ...first.action.agent, name: 'renamed' } })
    const second = await ask(room, changed)
    assert.notEqual(second.id, first.id)
    assert.equal((await ask(room, changed)).id, second.id)
  })

  test('gives a statement whatever its agent is called by now', async () => {
    await using room = await new TestApprovals().start()
    const first = await ask(room, aStatement())
    const agent = { ...first.action.agent, name: 'renamed' }
    assert.equal((await ask(room, aStatement({ agent }))).id, first.id)
  })

  test('holds for a day whatever else is asked meanwhile, and is forgotten in the end', async () => {
    await using room = await new TestApprovals().start()
    const { id, openedAt } = await ask(room, aCallAction())
    const one = await room.approvals.cancel(id, by)
    const crowd = Array.from({ length: 9_000 }, (_, at) => ({ ...one, openedAt: openedAt + at + 1 }))
    assert.deepEqual(toForget([one, ...crowd], openedAt + DAY_MS), [])
    assert.deepEqual(toForget([one, ...crowd], openedAt + DAY_MS + 1), [one])
    assert.equal(toForget([one, ...crowd], openedAt + 2 * DAY_MS).length, 4_001)
    assert.equal(toForget([one, ...crowd], openedAt + 60 * DAY_MS).length, 9_001)
  })
})
