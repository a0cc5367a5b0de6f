// A risky call asks in Telegram, and is answered there where a tap is enough. The Bot API is somebody else's emulator.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { asOperator } from './instruments/command-line.ts'
import type { Gateway } from './instruments/gateway.ts'
import type { Reply } from './instruments/send.ts'
import { assertClean } from './instruments/taint-oracle.ts'
import { ANN, BOT, type BotMessage, buttonsOf, dataOf, linkOf, type TapOver, Telegram } from './instruments/telegram.ts'
import { until } from './instruments/wait.ts'
import { type World, world } from './instruments/world.ts'

interface Item {
  readonly id: string
  readonly status: string
  readonly digest: string
}
interface Shown {
  readonly refused: number
  readonly foreign: number
  readonly people: unknown[]
  readonly failingSince?: string
}

const json = { 'content-type': 'application/json' }
const actions = {
  pay: { method: 'POST', path: '/pay/{id}', ask: 'tap', risk: 'low' },
  order: { method: 'POST', path: '/order/{id}', ask: 'tap' },
  close: { method: 'POST', path: '/close/{id}', ask: 'passkey' },
}
const asking = ({ root }: Telegram) => world({ service: { actions }, env: { CLAVIGER_TELEGRAM_API: root } })
const send = (around: World, body = '{"amount":4200}', prefer = 'wait=60', path = '/pay/7'): Promise<Reply> =>
  around.call(path, { method: 'POST', headers: { ...json, prefer }, body })
const items = async (gateway: Gateway): Promise<Item[]> =>
  (await gateway.does<{ items: Item[] }>('GET', '/approvals')).items
const channel = (gateway: Gateway) => gateway.does<Shown>('GET', '/channels').then((all) => firstOf(all))
const firstOf = (all: unknown): Shown => (all as { items: Shown[] }).items[0] as Shown

/** The first question, kept: whoever is killed between sending and keeping one asks it anew. */
async function keptQuestion(telegram: Telegram, gateway: Gateway): Promise<BotMessage> {
  const question = await telegram.question()
  const path = '/audit/records?type=approval.notified'
  await until(async () => (await gateway.does<{ items: unknown[] }>('GET', path)).items.length > 0)
  return question
}

/** Adds the bot, and takes whoever writes to it. */
async function paired(telegram: Telegram, gateway: Gateway, user = ANN): Promise<void> {
  await gateway.does('POST', '/channels', { kind: 'telegram', token: BOT })
  await telegram.write('/start', user)
  await until(
    async () => (await gateway.does<{ items: unknown[] }>('GET', '/channels/telegram/candidates')).items.length > 0,
  )
  await gateway.does('POST', '/channels/telegram/people', { user: String(user) })
}

describe('a Telegram channel', () => {
  test('asks, and a tap runs the call once', async () => {
    await using telegram = await Telegram.start()
    await using around = await asking(telegram)
    await paired(telegram, around.gateway)
    const held = send(around)
    const question = await telegram.question()
    assert.match(question.message.text, /POST/)
    assert.match(question.message.text, /\/pay\/7/)
    assert.deepEqual(buttonsOf(question), ['✅ Approve', '❌ Deny'])
    assert.equal(around.upstream.received('/pay/7').length, 0)
    await telegram.tap(question, 'Approve')
    assert.equal((await held).status, 200)
    await until(() => telegram.questions()[0]?.message.text.startsWith('✅ Approved') === true)
    await telegram.tap(question, 'Approve')
    await until(async () => (await channel(around.gateway)).foreign === 1)
    assert.equal(around.upstream.received('/pay/7').length, 1, 'a tap counts once')
    assert.equal((await items(around.gateway))[0]?.status, 'consumed')
  })

  test('takes a no, and tells of an answer that was given elsewhere', async () => {
    await using telegram = await Telegram.start()
    await using around = await asking(telegram)
    await paired(telegram, around.gateway)
    const held = send(around)
    await telegram.tap(await telegram.question(), 'Deny')
    assert.equal((await held).code, 'approval_denied')
    await until(() => telegram.questions()[0]?.message.text.startsWith('❌ Denied') === true)
    const other = around.gateway
    await other.does('POST', '/agents', { name: 'second' })
    const { token } = await other.does<{ token: string }>('POST', '/tokens', { agent: 'second' })
    await other.does('POST', '/grants', { agent: 'second', service: 'u', scopes: ['u:*'] })
    await around.call('/pay/8', { method: 'POST', token, headers: { ...json, prefer: 'wait=0' }, body: '{}' })
    await telegram.question(1)
    const [open] = (await items(other)).filter(({ status }) => status === 'pending')
    await other.does('POST', `/approvals/${open?.id}/verdict`, { verdict: 'denied', digest: open?.digest })
    await until(() => telegram.questions()[1]?.message.text.startsWith('❌ Denied') === true)
  })

  test('makes no answer of a forged, foreign or changed tap (G-04)', async () => {
    await using telegram = await Telegram.start()
    await using around = await asking(telegram)
    await paired(telegram, around.gateway)
    const { gateway } = around
    await send(around, '{"a":1}', 'wait=0')
    await send(around, '{"a":2}', 'wait=0')
    const question = await telegram.question()
    const another = await telegram.question(1)
    const yes = dataOf(question, 'Approve')
    const forged: Readonly<Record<string, TapOver>> = {
      'no secret': { data: '' },
      'a guessed secret': { data: 'AAAAAAAAAAAAAAAAAAAAAA' },
      'a secret of another form': { data: yes.toUpperCase() },
      'the id of the approval': { data: (await items(gateway))[0]?.id ?? '' },
      'another sender': { user: 78 },
      'another sender in a chat of their own': { user: 78, chat: 78 },
      'a group': { chat: -100_200, type: 'supergroup' },
      'a group that says it is a private chat': { chat: -100_200 },
      'another message': { message: another.messageId },
      'another message that was sent at the same time': { message: another.messageId, dated: question.time },
      'an old message': { dated: question.time - 86_400_000 },
      'a message that Telegram cannot show any more': { dated: 0 },
      'a forwarded message': { marks: { forward_origin: { type: 'user' } } },
      'a forwarded message of older clients': { marks: { forward_date: 1 } },
      'an edited message': { marks: { edit_date: 1 } },
      'a message of another bot': { marks: { via_bot: { id: 1 } } },
      'the chat of a channel': { type: 'channel' },
    }
    for (const [what, over] of Object.entries(forged)) {
      const counted = async () => {
        const { refused, foreign } = await channel(gateway)
        return refused + foreign
      }
      const before = await counted()
      await telegram.tap(question, 'Approve', over)
      await until(async () => (await counted()) === before + 1)
      const statuses = (await items(gateway)).map(({ status }) => status)
      assert.deepEqual(statuses, ['pending', 'pending'], what)
    }
    assert.equal(around.upstream.received('/pay/7').length, 0)
    await telegram.tap(question, 'Approve')
    await until(async () => (await items(gateway)).some(({ status }) => status === 'approved'))
    const path = '/audit/records?type=approval.tap_refused'
    const recorded = async () => (await gateway.does<{ items: unknown[] }>('GET', path)).items.length
    const { refused } = await channel(gateway)
    await until(async () => (await recorded()) === refused)
  })

  test('lets nobody say yes by a tap where a passkey is wanted, and anybody deny (G-06)', async () => {
    await using telegram = await Telegram.start()
    await using around = await asking(telegram)
    await paired(telegram, around.gateway)
    const held = send(around, '{}', 'wait=60', '/close/7')
    const question = await telegram.question()
    assert.deepEqual(buttonsOf(question), ['❌ Deny'])
    await telegram.tap(question, 'Deny')
    assert.equal((await held).code, 'approval_denied')
  })

  test('takes no yes by a tap of what is a write, or was not shown to its end, and leads to the page (G-09)', async () => {
    await using telegram = await Telegram.start()
    await using around = await world({
      service: { actions },
      env: { CLAVIGER_TELEGRAM_API: telegram.root, CLAVIGER_PUBLIC_URL: 'https://claviger.example.com' },
    })
    await paired(telegram, around.gateway)
    await send(around, '{}', 'wait=0', '/order/7')
    const long = JSON.stringify(Array.from({ length: 2_000 }, (_, at) => at))
    await send(around, long, 'wait=0')
    await send(around, '{}', 'wait=0')
    await telegram.question(2)
    const [write, cut, whole] = [/\/order\/7/, /more lines/, /\/pay\/7/].map((what) => {
      return telegram.questions().find(({ message }) => what.test(message.text)) as BotMessage
    })
    assert.deepEqual(buttonsOf(write as BotMessage), ['❌ Deny', '📄 Open'])
    assert.deepEqual(buttonsOf(cut as BotMessage), ['❌ Deny', '📄 Open'])
    assert.ok(telegram.questions().some((one) => buttonsOf(one).includes('✅ Approve')))
    assert.match(linkOf(whole as BotMessage), /^https:\/\/claviger\.example\.com\/approvals\/apr_[0-9A-Za-z]+$/)
  })

  test('ignores and counts what is meant for another gateway on the same bot (G-12)', async () => {
    await using telegram = await Telegram.start()
    await using one = await asking(telegram)
    await using other = await asking(telegram)
    await paired(telegram, one.gateway)
    await send(one, '{"at":1}', 'wait=0')
    const first = await keptQuestion(telegram, one.gateway)
    await one.gateway.stop()
    await paired(telegram, other.gateway)
    await send(other, '{"at":2}', 'wait=0')
    const second = await telegram.question(1)
    await telegram.tap(first, 'Approve')
    await telegram.tap(second, 'Approve', { data: dataOf(first, 'Approve') })
    await until(async () => (await channel(other.gateway)).foreign === 2)
    assert.deepEqual(
      (await items(other.gateway)).map(({ status }) => status),
      ['pending'],
    )
    await other.gateway.stop()
    await one.gateway.restart()
    await telegram.tap(second, 'Approve')
    await until(async () => (await channel(one.gateway)).foreign === 1)
    assert.deepEqual(
      (await items(one.gateway)).map(({ status }) => status),
      ['pending'],
    )
    await telegram.tap(first, 'Approve')
    await until(async () => (await items(one.gateway))[0]?.status === 'approved')
  })

  test('tells of three of a thousand asks (G-07), and no secret in any of them (D-06)', async () => {
    await using telegram = await Telegram.start()
    await using around = await asking(telegram)
    around.oracle.canary('bot', BOT)
    await paired(telegram, around.gateway)
    for (let at = 0; at < 1_000; at += 20) {
      const some = Array.from({ length: 20 }, (_, more) => send(around, `{"at":${at + more}}`, 'wait=0'))
      for (const { status } of await Promise.all(some)) assert.ok(status === 403 || status === 429, String(status))
    }
    await telegram.question(2)
    const asked = (await items(around.gateway)).length
    assert.equal(asked, 3)
    assert.equal(telegram.questions().length, 3)
    assertClean(
      await around.oracle.search(
        Buffer.from(JSON.stringify(telegram.sent().map(({ message }) => message))),
        'telegram',
      ),
    )
  })

  test('deletes a secret that is sent by chat and does not take it, and answers nobody it does not know', async () => {
    await using telegram = await Telegram.start()
    await using around = await asking(telegram)
    await paired(telegram, around.gateway)
    const before = telegram.sent().length
    await telegram.write('/pending', 78)
    await telegram.write('/add_secret KEY in-a-group-42-value', ANN, { chat: -5, type: 'group' })
    for (const text of [
      '/add_secret KEY sk-live-1234567890',
      '/add_secret@TestNameBot\nKEY v',
      'sk-live-1234567890abcdef',
    ])
      await telegram.write(text)
    await telegram.write('/pending')
    await until(() => telegram.sent().length >= before + 4)
    const answers = telegram
      .sent()
      .slice(before)
      .map(({ message }) => message.text.split('\n')[0])
    assert.deepEqual(answers, [
      '❌ Failed to add secret',
      '❌ Failed to add secret',
      'Your message was deleted, because it may hold a secret.',
      'Nothing waits.',
    ])
    assert.deepEqual(
      telegram.written().filter((text) => text.includes('sk-live') || text.includes('add_secret')),
      [],
    )
  })

  test('asks again after a restart what it could not ask before, and holds on to what it asked', async () => {
    await using telegram = await Telegram.start()
    await using around = await asking(telegram)
    await paired(telegram, around.gateway)
    await send(around, '{"at":1}', 'wait=0')
    const question = await keptQuestion(telegram, around.gateway)
    await around.gateway.kill9()
    await around.gateway.restart()
    await telegram.tap(question, 'Approve')
    await until(async () => (await items(around.gateway))[0]?.status === 'approved')
    assert.equal(telegram.questions().length, 1)
  })

  test('is added on the command line: it waits for somebody and takes whom the operator names', async () => {
    await using telegram = await Telegram.start()
    await using around = await asking(telegram)
    const env = { CLAVIGER_HOME: around.gateway.home, CLAVIGER_OPERATOR_TOKEN: around.gateway.operatorToken, BOT }
    const { inProcess } = await import('../src/cli/testing/in-process.ts')
    await telegram.write('/start', 78)
    const line = `channel add telegram --secret-env BOT --user ${ANN} --quiet`
    const adding = inProcess([...line.split(' '), '22:00-07:00 Europe/Berlin'], { env })
    await until(async () => (await around.gateway.does<{ items: unknown[] }>('GET', '/channels')).items.length === 1)
    await telegram.write('/start')
    const ended = await adding
    assert.equal(ended.code, 0, ended.stderr)
    assert.ok(!`${ended.stdout}${ended.stderr}`.includes(BOT))
    assert.equal(telegram.sent().at(-1)?.message.chat_id, String(ANN))
    await asOperator(around.gateway, 'channel edit telegram --quiet never --after 5m')
    await asOperator(around.gateway, 'channel edit telegram --no-quiet --no-after')
    await asOperator(around.gateway, 'channel test telegram')
    assert.match((await asOperator(around.gateway, 'channel list')).stdout, /@TestNameBot \(4242\)/)
    assert.match((await asOperator(around.gateway, 'doctor')).stdout, /channels/)
    await asOperator(around.gateway, 'channel remove telegram')
  })

  test('is made of the environment of other systems, and its token stays there no longer', async () => {
    await using telegram = await Telegram.start()
    await using around = await world({
      service: { actions },
      env: { CLAVIGER_TELEGRAM_API: telegram.root, TELEGRAM_BOT_TOKEN: BOT, TELEGRAM_CHAT_ID: String(ANN) },
    })
    const held = send(around)
    await telegram.tap(await telegram.question(), 'Approve')
    assert.equal((await held).status, 200)
    await around.gateway.restart()
    assert.equal((await around.gateway.does<{ items: unknown[] }>('GET', '/channels')).items.length, 1, 'once')
    assert.ok(!around.gateway.output().includes(BOT))
  })
})
