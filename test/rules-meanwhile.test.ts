// What happens between a decision and its permit: rules that change while the intent is on its way, callers that leave.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import type { VerdictBy } from '../src/approvals/contract.ts'
import type { Caller } from '../src/gate/rooms.ts'
import type { OperatorId } from '../src/ground/ids.ts'
import { createLog } from '../src/ground/log.ts'
import { canonicalTarget } from '../src/ground/target.ts'
import { buildRooms } from '../src/rooms.ts'
import { RuleInput } from '../src/rules/contract.ts'
import { loadSettings } from '../src/settings.ts'
import { wake } from '../src/wake.ts'
import { until } from './instruments/wait.ts'

const folder = mkdtempSync(join(tmpdir(), 'claviger-meanwhile-'))
after(() => rmSync(folder, { recursive: true }))
const by = { kind: 'operator', id: 'op_tester' } as const
const tapped: VerdictBy = { operator: 'op_tester' as OperatorId, name: 'ann', assurance: 'tap', channel: 'cli' }
let homes = 0

/** The rooms of a gateway on a home of their own, and an intent that is on the disk and not told of until it is let go. */
async function house() {
  homes += 1
  const settings = loadSettings({ env: { CLAVIGER_HOME: join(folder, `home${homes}`), CLAVIGER_PORT: '0' } })
  const onFatal = (_code: number, cause: unknown) => assert.fail(String(cause))
  const rooms = await buildRooms({ settings, log: createLog('silent'), onFatal })
  await rooms.vault.initialise({ keyFile: settings.keyFile })
  await wake(rooms)
  const actions = { pay: { method: 'POST' as const, path: '/pay/{id}', ask: 'tap' as const } }
  const service = await rooms.services.add({ name: 'u', origins: ['https://api.example.com'], actions }, by)
  const agent = await rooms.identity.addAgent('coder', by)
  await rooms.grants.add({ agent: agent.id, service, scopes: ['u:*'], credentials: [] }, by)
  const { token } = await rooms.identity.issueToken({ agent: agent.id }, by)
  const principal = rooms.identity.authenticate(token.reveal().toString('ascii'))
  assert.equal(principal?.kind, 'agent')
  const held = holdIntents(rooms.audit)
  const admit = (path: string, caller?: Partial<Caller>, method = 'POST') =>
    rooms.gate.admit(
      { rid: rooms.nextRid(), principal, serviceName: 'u', method, target: canonicalTarget(path) },
      caller && {
        contents: async () => ({ body: undefined, headers: [] }),
        gone: false,
        patience: () => undefined,
        ...caller,
      },
    )
  const add = (rule: object) => rooms.rules.add(RuleInput.parse({ name: `rule-${rooms.rules.count}`, ...rule }), by)
  const approved = async (path: string) => {
    await assert.rejects(admit(path, {}), { code: 'approval_required' })
    const [{ id }] = rooms.approvals.list() as unknown as [{ id: string }]
    await rooms.approvals.decide(id, 'approved', tapped)
    return id
  }
  return { rooms, admit, add, approved, held, [Symbol.asyncDispose]: () => rooms.close() }
}

interface Intends {
  intent(record: never): Promise<number>
}

function holdIntents(audit: Intends) {
  const intent = audit.intent.bind(audit)
  const held = { waiting: 0, holds: true, letGo: () => {} }
  audit.intent = async (record) => {
    const seq = await intent(record)
    if (held.holds) {
      held.waiting += 1
      await new Promise<void>((resolve) => {
        held.letGo = resolve
      })
    }
    return seq
  }
  return held
}

describe('a rule that is put while an intent is on its way', () => {
  const refusing: readonly [what: string, rule: object][] = [
    ['denies', { effect: 'deny', match: { paths: ['/x'] } }],
    ['asks', { effect: 'ask' }],
    ['cannot tell without the body', { effect: 'deny', match: { body: { '/amount': 1 } } }],
  ]
  for (const [what, rule] of refusing) {
    test(`stops the call where it ${what}`, async () => {
      await using around = await house()
      const call = around.admit('/x')
      await until(() => around.held.waiting === 1)
      await around.add(rule)
      around.held.letGo()
      await assert.rejects(call, { code: 'revoked_meanwhile' })
      assert.equal(around.rooms.openCalls.total, 0)
    })
  }

  test('stops the call also as the default', async () => {
    await using around = await house()
    const call = around.admit('/x')
    await until(() => around.held.waiting === 1)
    await around.rooms.rules.setDefault('deny', by)
    around.held.letGo()
    await assert.rejects(call, { code: 'revoked_meanwhile' })
  })

  test('lets a call go that it is not about, and one that runs', async () => {
    await using around = await house()
    const call = around.admit('/x')
    await until(() => around.held.waiting === 1)
    await around.add({ effect: 'deny', match: { paths: ['/y'] } })
    around.held.letGo()
    const { open } = await call
    await around.add({ effect: 'deny' })
    assert.equal(open.aborted, undefined)
    open.leave()
  })

  test('stops a call that a human said yes to, where it asks otherwise', async () => {
    await using around = await house()
    await around.approved('/pay/7')
    const call = around.admit('/pay/7', {})
    await until(() => around.held.waiting === 1)
    await around.add({ effect: 'ask', match: { actions: ['pay'] } })
    around.held.letGo()
    await assert.rejects(call, { code: 'revoked_meanwhile' })
  })
})

describe('a caller that left', () => {
  test('takes no yes with it: the same call passes when it comes again', async () => {
    await using around = await house()
    around.held.holds = false
    const id = await around.approved('/pay/7')
    await assert.rejects(around.admit('/pay/7', { gone: true }), { code: 'approval_required' })
    assert.equal(around.rooms.approvals.find(id).status, 'approved')
    const { open } = await around.admit('/pay/7', {})
    assert.equal(around.rooms.approvals.find(id).status, 'consumed')
    open.leave()
  })
})
