// The room on a real database; the Bot API is somebody else's emulator. What needs the whole gateway is in test/telegram.test.ts.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ANN, BOT, Telegram } from '../../../test/instruments/telegram.ts'
import { until } from '../../../test/instruments/wait.ts'
import { addressSet } from '../../ground/addresses.ts'
import { createMailer } from '../../http/mail.ts'
import { createOutbound } from '../../http/outbound.ts'
import { createResolver } from '../../http/resolve.ts'
import { aCallAction, TestApprovals, VERDICT } from '../approvals.support.ts'
import { Channels } from './channels.ts'
import type { NewTelegram } from './contract.ts'
import type { Times } from './due.ts'
import { pendingText } from './words.ts'

const BY = { kind: 'system', id: 'claviger' } as const
const TAP = { assurance: 'tap', lifeSeconds: 900, uses: 1 } as const
const other = (id: number) => `${id}:another-token-of-the-emulator`

/** `answerers`: who may answer, until they may not. */
function channelsOf(
  rooms: TestApprovals,
  { root }: Telegram,
  answerers: ReadonlySet<string> = new Set([VERDICT.operator]),
  times: Partial<Times> = {},
): Channels & Disposable {
  const { storage, clock, approvals, vault } = rooms
  const channels = new Channels({
    ...{ storage, clock, approvals },
    box: { seal: (purpose, bytes) => Buffer.from(vault.sealKey(purpose, bytes)), open: vault.openKey },
    outbound: createOutbound({ resolver: createResolver({ clock }) }),
    botApi: { root, allowed: addressSet(['127.0.0.1']) },
    answererOf: (id) => (answerers.has(id) ? { name: VERDICT.name } : undefined),
    isOperator: () => true,
    textOf: async (approval) => ({ text: pendingText([approval]), whole: true }),
    pageOf: () => undefined,
    ...{ pushServices: [], pushContact: undefined },
    mailer: createMailer({ resolver: createResolver({ clock }) }),
    times: { quiet: undefined, breaks: 'critical', escalateSeconds: 0, ...times },
  })
  return Object.assign(channels, { [Symbol.dispose]: () => channels.stop() })
}

async function reach(channels: Channels, more: Partial<NewTelegram> = {}): Promise<string> {
  const { id, name } = await channels.addUnasked({ kind: 'telegram', token: BOT, ...more }, BY)
  await channels.addKnown(id, { user: String(ANN), place: String(ANN), operator: VERDICT.operator }, BY)
  return name
}

const hour = (at: number) => new Date(at).toISOString().slice(11, 16)

describe('Channels', () => {
  test('make nothing but a no of an approval whose messenger was down for all of its life (G-11)', async () => {
    await using rooms = await new TestApprovals().start()
    await using telegram = await Telegram.start()
    using channels = channelsOf(rooms, telegram)
    await channels.load()
    channels.start()
    await telegram.stop()
    const name = await reach(channels)
    const { id } = await rooms.ask({ terms: TAP })
    const { id: channel } = channels.find(name)
    await until(() => channels.health(channel).failingSince !== undefined)
    assert.deepEqual(channels.standing().failing, [name])
    assert.equal(rooms.approvals.find(id).status, 'pending', 'nobody waits for the messenger')
    rooms.clock.advance(900_001)
    await rooms.approvals.sweep()
    assert.equal(rooms.approvals.find(id).status, 'expired')
    await assert.rejects(rooms.approvals.decide(id, 'approved', VERDICT), { code: 'approval_expired' })
  })

  test('let people sleep, but not where it is critical, and ask others later', async () => {
    await using rooms = await new TestApprovals().start()
    await using telegram = await Telegram.start()
    using channels = channelsOf(rooms, telegram)
    await channels.load()
    channels.start()
    const now = rooms.clock.now()
    const [quietBot, lateBot] = [other(1), other(2)]
    await reach(channels)
    await reach(channels, { name: 'quiet', token: quietBot, quiet: `${hour(now)}-${hour(now + 300_000)} UTC` })
    await reach(channels, { name: 'late', token: lateBot, afterSeconds: 120 })
    await rooms.ask({ terms: TAP })
    await telegram.question()
    assert.deepEqual([telegram.questions(quietBot).length, telegram.questions(lateBot).length], [0, 0])
    rooms.clock.advance(121_000)
    await telegram.question(0, lateBot)
    assert.equal(telegram.questions(quietBot).length, 0)
    const { install, agent } = aCallAction()
    const stated = { kind: 'stated', action: 'shell.exec', context: '{}', payloadHash: 'ab', request: '1' } as const
    const critical = { ...stated, install, agent, risk: 'critical', terms: TAP } as const
    await rooms.approvals.ask({ action: critical, token: 'tok_1' })
    await telegram.question(0, quietBot)
    assert.match(telegram.questions(quietBot)[0]?.message.text ?? '', /shell\.exec/)
    rooms.clock.advance(180_000)
    await telegram.question(1, quietBot)
  })

  test('are told one after the other, in the order of their ages, and nobody’s silence is a yes', async () => {
    await using rooms = await new TestApprovals().start()
    await using telegram = await Telegram.start()
    using channels = channelsOf(rooms, telegram, undefined, { escalateSeconds: 120 })
    await channels.load()
    channels.start()
    // One that reaches nobody has no turn.
    await channels.addUnasked({ kind: 'telegram', token: other(3), name: 'empty' }, BY)
    await reach(channels)
    rooms.clock.advance(1)
    const late = other(4)
    await reach(channels, { name: 'late', token: late })
    const { id } = await rooms.ask({ terms: TAP, risk: 'low' })
    await telegram.question()
    rooms.clock.advance(119_000)
    await channels.test('late')
    assert.equal(telegram.questions(late).length, 0)
    rooms.clock.advance(2_000)
    await telegram.question(0, late)
    rooms.clock.advance(900_000)
    await rooms.approvals.sweep()
    assert.equal(rooms.approvals.find(id).status, 'expired')
    await until(() => telegram.questions(late)[0]?.message.text.startsWith('⌛ Expired') === true)
  })

  test('take no answer of somebody who may not answer any more, and nothing of a channel that is gone', async () => {
    await using rooms = await new TestApprovals().start()
    await using telegram = await Telegram.start()
    const operator = 'op_0000000000000000000009' as typeof VERDICT.operator
    const answerers = new Set<string>([operator])
    using channels = channelsOf(rooms, telegram, answerers)
    await channels.load()
    channels.start()
    const { id } = await channels.addUnasked({ kind: 'telegram', token: BOT }, BY)
    await channels.addKnown(id, { user: String(ANN), place: String(ANN), operator }, BY)
    const approval = await rooms.ask({ terms: TAP, risk: 'low' })
    const question = await telegram.question()
    answerers.delete(operator)
    await telegram.tap(question, 'Approve')
    await until(() => channels.health(id).refused === 1)
    await channels.remove(id, BY)
    await assert.rejects(channels.test(id), { code: 'channel_unknown' })
    assert.equal(rooms.approvals.find(approval.id).status, 'pending')
  })

  test('tell nothing to somebody who may not answer', async () => {
    await using rooms = await new TestApprovals().start()
    await using telegram = await Telegram.start()
    using channels = channelsOf(rooms, telegram)
    await channels.load()
    channels.start()
    const { id } = await channels.addUnasked({ kind: 'telegram', token: BOT }, BY)
    const operator = 'op_0000000000000000000009' as typeof VERDICT.operator
    await channels.addKnown(id, { user: '78', place: '78', operator }, BY)
    await channels.addKnown(id, { user: String(ANN), place: String(ANN), operator: VERDICT.operator }, BY)
    await rooms.ask({ terms: TAP })
    await rooms.ask({ terms: TAP, path: '/v1/orders/8/pay' })
    await telegram.question(1)
    assert.deepEqual(
      new Set(telegram.questions().map(({ message }) => String(message.chat_id))),
      new Set([String(ANN)]),
    )
  })

  test('take no tap of somebody who was removed from one, tell them nothing, and ask them anew when they are back', async () => {
    await using rooms = await new TestApprovals().start()
    await using telegram = await Telegram.start()
    using channels = channelsOf(rooms, telegram)
    await channels.load()
    channels.start()
    const name = await reach(channels)
    const { id } = channels.find(name)
    const approval = await rooms.ask({ terms: TAP, risk: 'low' })
    const question = await telegram.question()
    await assert.rejects(channels.removePerson(name, '78', BY), { code: 'channel_person_unknown' })
    assert.deepEqual((await channels.removePerson(name, String(ANN), BY)).people, [])
    await telegram.tap(question, 'Approve')
    await until(() => channels.health(id).foreign === 1)
    assert.equal(rooms.approvals.find(approval.id).status, 'pending')
    await channels.addKnown(name, { user: String(ANN), place: String(ANN), operator: VERDICT.operator }, BY)
    const again = await telegram.question(1)
    await telegram.tap(again, 'Approve')
    await until(() => rooms.approvals.find(approval.id).status === 'approved')
  })

  test('are not believed where other hands edited who answers', async () => {
    await using rooms = await new TestApprovals().start()
    await using telegram = await Telegram.start()
    using first = channelsOf(rooms, telegram)
    await first.load()
    await reach(first)
    first.stop()
    await rooms.restart(`UPDATE channels SET people = replace(people, '${ANN}', '666')`)
    using channels = channelsOf(rooms, telegram)
    assert.equal((await channels.load()).bad.length, 1)
    assert.deepEqual(channels.list(), [])
  })
})
