import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { until } from '../../test/instruments/wait.ts'
import { SetClock } from '../ground/clock.ts'
import { createOutbound } from '../http/outbound.ts'
import { createResolver } from '../http/resolve.ts'
import { storageProblem } from '../storage/problems.ts'
import type { Storage } from '../storage/storage.ts'
import { by, Receiver, TestAlerts, testBox } from './alerts.support.ts'
import { createAlerts } from './alerts.ts'
import { Courier } from './courier.ts'
import type { Deliver } from './deliver.ts'
import { Outbox } from './outbox.ts'
import { PAUSES_MS, pauseAfter } from './retry-schedule.ts'
import { Webhooks } from './webhooks.ts'

const program = fileURLToPath(new URL('./testing/emit-until-killed.ts', import.meta.url))
const names = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `a${i + from}`)
/** Eight attempts, one right after the other. */
const atOnce = PAUSES_MS.map(() => 1)

let room: TestAlerts
let receiver: Receiver
beforeEach(async () => {
  receiver = await Receiver.start()
})
afterEach(async () => {
  await room.end()
  await receiver.close()
})

const idle = (id: string) => until(async () => (await room.alerts.find(id)).pending === 0)
const rows = (sql: string) => room.database.look(sql)

describe('pauseAfter()', () => {
  test('gives eight attempts within 24 hours, with growing pauses and jitter', async () => {
    room = await new TestAlerts().start()
    for (const random of [0, 0.5, 0.999]) {
      const pauses = Array.from({ length: 7 }, (_, i) => pauseAfter(i + 1, () => random)!)
      assert.equal(
        pauseAfter(8, () => random),
        undefined,
      )
      assert.deepEqual(
        pauses,
        [...pauses].sort((a, b) => a - b),
      )
      const total = pauses.reduce((sum, pause) => sum + pause)
      assert.ok(total <= 24 * 3_600_000 && total >= 18 * 3_600_000)
    }
    assert.notEqual(
      pauseAfter(1, () => 0),
      pauseAfter(1, () => 0.5),
    )
  })
})

describe('deliveries', () => {
  test('come in the order of their events, one at a time', async () => {
    room = await new TestAlerts().start()
    const { id } = await room.hook(receiver.url)
    let [inside, most] = [0, 0]
    receiver.answer = (_request, response) => {
      inside += 1
      most = Math.max(most, inside)
      setImmediate(() => {
        inside -= 1
        response.writeHead(200).end('thanks'.repeat(10_000))
      })
    }
    room.tell(60)
    await idle(id)
    assert.deepEqual([receiver.agents, most], [names(60), 1])
    assert.deepEqual([rows('select * from alert_events'), rows('select * from alert_deliveries')], [[], []])
  })

  test('of one slow endpoint hold up nobody else', async () => {
    room = await new TestAlerts().start()
    const slow = await Receiver.start()
    slow.answer = () => {} // never
    await room.hook(slow.url)
    const { id } = await room.hook(receiver.url)
    room.tell(50)
    await idle(id)
    assert.deepEqual([receiver.agents, slow.agents], [names(50), ['a0']])
    await slow.close()
  })

  test('of relying services never take all the room there is', async () => {
    room = await new TestAlerts().start()
    const { storage, clock } = room
    const options = { storage, clock, box: testBox(() => room.rootKey), changed: () => {} }
    const [webhooks, onTheWay] = [new Webhooks(options), new Map<string, number>()]
    const outbox = new Outbox({ storage, webhooks, stored: () => {} })
    const input = { url: 'https://hooks.example.com/', events: ['*'] }
    for (const owner of ['s1', 's2', 's3', 's4', 's5', 'operator']) {
      for (let i = 0; i < 5; i += 1) await webhooks.add(input, owner, by)
    }
    outbox.open(new Map())
    outbox.emit({ type: 'echo', data: {}, concerns: () => true }, clock.now())
    await outbox.close()
    // None of them is ever answered.
    const deliver: Deliver = ({ owner }, _event, signal) => {
      onTheWay.set(owner, (onTheWay.get(owner) ?? 0) + 1)
      return new Promise((resolve) => signal?.addEventListener('abort', () => resolve({ ok: false, error: 'x' })))
    }
    const courier = new Courier({ storage, clock, webhooks, deliver, settled: () => {} })
    courier.look([...webhooks.all()].map(({ id }) => id))
    const sum = () => [...onTheWay.values()].reduce((total, count) => total + count, 0)
    await until(() => sum() === 16)
    assert.deepEqual(
      ['s1', 's2', 's3', 's4', 's5', 'operator'].map((owner) => onTheWay.get(owner) ?? 0),
      [3, 3, 3, 3, 0, 4],
    )
    courier.stop()
  })

  test('follow no redirect: it is a failure', async () => {
    room = await new TestAlerts().start({ pausesMs: atOnce })
    const elsewhere = await Receiver.start()
    const { id } = await room.hook(receiver.url)
    for (const [n, status] of [301, 302, 303, 307, 308].entries()) {
      receiver.answer = (_request, response) => void response.writeHead(status, { location: elsewhere.url }).end()
      room.tell()
      await until(async () => (await room.alerts.deadLetters(id)).length === n + 1)
      assert.equal((await room.alerts.deadLetters(id))[n]!.error, `status_${status}`)
    }
    assert.equal(elsewhere.received.length, 0)
    assert.ok(room.dials.every((dial) => dial === `127.0.0.1:${receiver.port}`))
    await elsewhere.close()
  })

  test('are not dialled at an address inside, whatever the name says when it is asked', async () => {
    room = await new TestAlerts().start({ pausesMs: [] })
    const input = { url: 'https://hooks.example.com/', events: ['*'] } // its address is 10.0.0.1 here
    const { view } = await room.alerts.add(input, 'svc_1', by)
    const { view: other } = await room.alerts.add({ ...input, addresses: ['127.0.0.0/8'] }, 'operator', by)
    room.alerts.emit({ type: 'echo', data: {}, concerns: () => true })
    await until(async () => (await room.alerts.deadLetters()).length === 2)
    assert.deepEqual(
      [view.id, other.id].map((id) => room.dead.includes(id)),
      [true, true],
    )
    assert.ok((await room.alerts.deadLetters()).every(({ error }) => error === 'address_refused'))
    assert.equal((await room.alerts.test(view.id)).error, 'address_refused')
    assert.deepEqual(room.dials, [])
  })

  test('that are not answered in time fail', async () => {
    const resolver = createResolver()
    room = await new TestAlerts().start({
      pausesMs: [],
      outbound: createOutbound({ resolver, bounds: { totalMs: 50 } }),
    })
    receiver.answer = () => {}
    const { id } = await room.hook(receiver.url)
    room.tell()
    await until(async () => (await room.alerts.deadLetters(id)).length === 1)
    assert.equal((await room.alerts.deadLetters(id))[0]!.error, 'outbound_timeout')
  })
})

describe('a delivery that fails', () => {
  test('is tried eight times under one id, becomes a dead letter, and comes when it is replayed', async () => {
    room = await new TestAlerts().start({ pausesMs: atOnce })
    receiver.answer = (_request, response) => void response.writeHead(503).end()
    const { id } = await room.hook(receiver.url)
    room.tell(2)
    await until(async () => (await room.alerts.deadLetters(id)).length === 2)
    assert.equal(receiver.received.length, 16)
    assert.equal(new Set(receiver.ids).size, 2)
    const [first] = await room.alerts.deadLetters(id)
    const { attempts, error, event, eventId, webhook } = first!
    assert.deepEqual([attempts, error, event, webhook], [8, 'status_503', 'agent.registered', id])
    const { deadLetters, pending, lastError, failing } = await room.alerts.find(id)
    assert.deepEqual([deadLetters, pending, lastError, failing], [2, 0, 'status_503', false])
    assert.deepEqual(room.dead, [id, id])
    const { failingSince, ...standing } = await room.alerts.standing()
    assert.deepEqual(standing, { count: 1, pending: 0, deadLetters: 2, failing: 1 })
    assert.equal(failingSince, (await room.alerts.find(id)).failingSince)

    await room.restart({ pausesMs: atOnce })
    receiver.answer = (_request, response) => void response.writeHead(204).end()
    await assert.rejects(room.alerts.replay('dlv_nope', by), { code: 'dead_letter_unknown' })
    assert.equal(await room.alerts.replay(first!.id, by), 1)
    await receiver.got(17)
    assert.equal(receiver.ids[16], eventId)
    assert.equal(await room.alerts.replay(id, by), 1)
    await receiver.got(18)
    await idle(id)
    assert.deepEqual([await room.alerts.deadLetters(), await room.alerts.replay(id, by)], [[], 0])
  })

  test('lets others pass, and comes again when its time has come', async () => {
    const clock = new SetClock(Date.now())
    room = await new TestAlerts(clock).start()
    const { id } = await room.hook(receiver.url)
    receiver.answer = (_request, response) => void response.writeHead(receiver.received.length === 1 ? 500 : 200).end()
    room.tell(3)
    await until(async () => (await room.alerts.find(id)).pending === 1)
    assert.deepEqual(receiver.agents, names(3))
    for (const [advance, count] of [
      [59_999, 3],
      [1, 4],
    ] as const) {
      clock.advance(advance)
      await room.alerts.setStatus(id, 'active', by) // looks again
      if (count === 4) await idle(id)
      assert.equal(receiver.received.length, count)
    }
    assert.equal(receiver.agents[3], 'a0')
  })

  test('for a day flags its endpoint, until one gets through', async () => {
    const clock = new SetClock(Date.now())
    room = await new TestAlerts(clock).start()
    const { id } = await room.hook(receiver.url)
    receiver.answer = (_request, response) => void response.writeHead(500).end()
    room.tell()
    for (const [n, failing] of [
      [1, false],
      [2, false],
      [3, true],
    ] as const) {
      await until(async () => rows('select attempts from alert_deliveries')[0]?.attempts === n)
      assert.equal((await room.alerts.find(id)).failing, failing)
      clock.advance(13 * 3_600_000)
      await room.alerts.setStatus(id, 'active', by)
    }
    receiver.answer = (_request, response) => void response.writeHead(200).end()
    clock.advance(13 * 3_600_000)
    await room.alerts.setStatus(id, 'active', by)
    await idle(id)
    const { failing, failingSince, lastSuccessAt } = await room.alerts.find(id)
    assert.deepEqual([failing, failingSince, lastSuccessAt], [false, undefined, clock.now()])
  })

  test('waits while its endpoint is disabled', async () => {
    room = await new TestAlerts().start({ pausesMs: atOnce })
    const { id } = await room.hook(receiver.url)
    await room.alerts.setStatus(id, 'active', by)
    receiver.answer = (_request, response) => {
      response.writeHead(500).end()
      if (receiver.received.length === 1) void room.alerts.setStatus(id, 'disabled', by)
    }
    room.tell()
    await until(async () => (await room.alerts.find(id)).status === 'disabled')
    const before = receiver.received.length
    room.tell()
    assert.equal((await room.alerts.find(id)).pending, 1)
    receiver.answer = (_request, response) => void response.writeHead(200).end()
    await room.alerts.setStatus(id, 'active', by)
    await idle(id)
    assert.ok(receiver.received.length > before && receiver.agents.every((agent) => agent === 'a0'))
  })
})

describe('what waits', () => {
  test('is delivered after a restart, and after kill -9, under the same ids', async () => {
    room = await new TestAlerts().start()
    await room.hook(receiver.url)
    receiver.answer = () => {} // nobody gets an answer until the end
    await room.stop()
    const hex = (key: { export(): Buffer }) => key.export().toString('hex')
    const args = [program, room.database.file, hex(room.database.key), hex(room.rootKey), '40']
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] })
    const ended = once(child, 'exit')
    await receiver.got(1)
    await until(() => rows('select id from alert_deliveries').length === 40)
    child.kill('SIGKILL')
    assert.equal((await ended)[1], 'SIGKILL')
    const waiting = rows('select event_id from alert_deliveries order by seq').map((row) => row.event_id)

    await room.start()
    await receiver.got(2) // tried again, and again without an answer
    await room.restart()
    receiver.answer = (_request, response) => void response.writeHead(200).end()
    await until(() => rows('select id from alert_deliveries').length === 0)
    assert.deepEqual([...new Set(receiver.ids)], waiting)
    assert.deepEqual([...new Set(receiver.agents)], names(40))
  })

  test('while the vault is sealed is not delivered, and is not lost', async () => {
    room = await new TestAlerts().start()
    const { id } = await room.hook(receiver.url)
    receiver.answer = () => {}
    room.tell(2)
    await receiver.got(1)
    room.tell(2, 2) // in memory still when the vault is sealed
    room.seal()
    room.tell(2, 4) // told while it is sealed
    await until(() => rows('select id from alert_deliveries').length === 4)
    assert.deepEqual([receiver.received.length, await room.alerts.list()], [1, []])
    receiver.answer = (_request, response) => void response.writeHead(200).end()
    await room.unseal()
    await idle(id)
    await receiver.got(7)
    assert.deepEqual(receiver.agents, ['a0', ...names(6)])
  })

  test('uses none of its attempts up while the vault is sealed, however long', async () => {
    const clock = new SetClock(Date.now())
    room = await new TestAlerts(clock).start()
    const { id } = await room.hook(receiver.url)
    receiver.answer = (_request, response) => void response.writeHead(500).end()
    room.tell()
    await until(async () => (await room.alerts.find(id)).failingSince !== undefined)
    room.seal()
    clock.advance(30 * 86_400_000)
    assert.equal(rows('select attempts from alert_deliveries')[0]?.attempts, 1)
    receiver.answer = (_request, response) => void response.writeHead(200).end()
    await room.unseal()
    await idle(id)
    assert.deepEqual([new Set(receiver.ids).size, await room.alerts.deadLetters()], [1, []])
  })

  test('is not told twice to the disk for the same cause, and keeps its id if it is told again', async () => {
    room = await new TestAlerts().start()
    await room.hook(receiver.url)
    receiver.answer = () => {}
    for (let i = 0; i < 3; i += 1) room.alerts.emit({ type: 'echo', data: {}, cause: 'change/7' })
    await until(() => rows('select id from alert_deliveries').length > 0)
    await room.restart()
    room.alerts.emit({ type: 'echo', data: {}, cause: 'change/7' })
    await room.alerts.close()
    assert.equal(rows('select id from alert_deliveries').length, 1)
  })
})

/** Counts transactions asked for. */
function counting(storage: Storage): { storage: Storage; writes: () => number } {
  let writes = 0
  const write: Storage['write'] = (work, options) => {
    writes += 1
    return storage.write(work, options)
  }
  return { storage: { ...storage, write }, writes: () => writes }
}

describe('emit()', () => {
  test('10,000 times with a dead endpoint asks for few transactions and loses nothing', async () => {
    room = await new TestAlerts().start()
    const counted = counting(room.storage)
    await room.alerts.close()
    // The same database through a storage that counts, and no courier.
    const [box, outbound] = [testBox(() => room.rootKey), createOutbound({ resolver: createResolver() })]
    room.alerts = createAlerts({ storage: counted.storage, clock: room.clock, box, outbound })
    await room.alerts.load()
    const { id } = await room.hook(receiver.url)
    const before = counted.writes()
    for (let i = 0; i < 10; i += 1) {
      room.tell(1_000, i * 1_000)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await until(async () => (await room.alerts.find(id)).pending === 10_000)
    const used = counted.writes() - before
    assert.ok(used <= 200, `${used} transactions`)
    assert.deepEqual(
      room.changes.filter(({ kind }) => kind === 'alerts'),
      [],
    )
  })

  test('while the disk is full keeps what was told, and the order of it', async () => {
    room = await new TestAlerts().start()
    await room.hook(receiver.url)
    await room.alerts.close()
    let full = false
    const write: Storage['write'] = (work, options) =>
      room.storage.write(async (tx) => {
        const done = await work(tx)
        if (full) throw storageProblem('storage_full') // as SQLite says it: what was done is undone
        return done
      }, options)
    const [box, outbound] = [testBox(() => room.rootKey), createOutbound({ resolver: createResolver() })]
    room.alerts = createAlerts({ storage: { ...room.storage, write }, clock: room.clock, box, outbound })
    await room.alerts.load()
    full = true
    for (let i = 0; i < 200; i += 20) {
      room.tell(20, i)
      await new Promise((resolve) => setImmediate(resolve)) // several writes are on the way when the first is refused
    }
    assert.deepEqual(rows('select id from alert_deliveries'), [])
    full = false
    await until(() => rows('select id from alert_deliveries').length === 200)
    room.alerts.start()
    await until(() => rows('select id from alert_deliveries').length === 0)
    assert.deepEqual(receiver.agents, names(200))
  })

  test('costs no transaction where nobody asked for the event', async () => {
    room = await new TestAlerts().start()
    await room.hook(receiver.url, { events: ['echo'] })
    const before = rows('select seq from sqlite_sequence').length
    room.tell(1_000)
    await room.alerts.close()
    assert.deepEqual(
      [rows('select id from alert_events'), rows('select seq from sqlite_sequence').length],
      [[], before],
    )
  })

  test('beyond what memory or the disk may hold counts what is lost, and records the count', async () => {
    room = await new TestAlerts().start({ limits: { queued: 10, pending: 25, pendingOfService: 5 }, pausesMs: atOnce })
    receiver.answer = () => {}
    await room.hook(receiver.url)
    room.tell(30)
    const lost = () =>
      room.changes.flatMap(({ record }) => (record.ev.what === 'alerts.lost' ? [record.ev.events] : []))
    await until(() => lost().length === 1)
    assert.deepEqual(lost(), [{ 'agent.registered': 20 }])
    for (let i = 0; i < 4; i += 1) {
      room.tell(5)
      await until(() => rows('select id from alert_deliveries').length === Math.min(25, 15 + 5 * i))
    }
    await until(() => lost().length === 2)
    assert.deepEqual(lost()[1], { 'agent.registered': 5 })
    room.seal()
    room.tell(12)
    await room.unseal()
    await until(() => lost().length >= 3)
  })
})
