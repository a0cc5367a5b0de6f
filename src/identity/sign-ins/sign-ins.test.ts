import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { vkey } from '../../audit/audit.support.ts'
import { verifyLog } from '../../audit/verify.ts'
import type { SignInResult } from './contract.ts'
import { Places } from './places.ts'
import { berlin, munich, newYork, shanghai, TestSignIns } from './sign-ins.support.ts'

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000]

describe('an attempt', () => {
  test('that succeeds becomes a record with agent, key, network and place', async () => {
    await using room = await new TestSignIns().start()
    const rid = await room.attempted({ userAgent: 'sdk/1.0', door: 'clawauth', form: 'bound' })
    const [{ type, actor, decision, ev, rid: recorded } = {}] = room.records()
    assert.deepEqual(
      { type, actor, decision, ev, rid: recorded },
      {
        type: 'auth',
        actor: { kind: 'agent', id: 'agent_1', key: 'thumb_1' },
        decision: { effect: 'allow' },
        rid,
        ev: {
          what: 'sign_in',
          result: 'ok',
          door: 'clawauth',
          form: 'bound',
          address: '198.51.100.0/24',
          country: 'DE',
          key: 'thumb_1',
          userAgent: 'sdk/1.0',
        },
      },
    )
  })

  const failures: readonly SignInResult[] = ['bad_signature', 'expired', 'replayed', 'inactive', 'rate_limited']
  for (const result of failures) {
    test(`that is ${result} names the agent, and its key as claimed only`, async () => {
      await using room = await new TestSignIns().start()
      await room.attempted({ result })
      const [{ actor, decision, ev } = {}] = room.records()
      assert.deepEqual(actor, { kind: 'agent', id: 'agent_1' })
      assert.deepEqual(decision, { effect: 'deny', reasons: [result] })
      assert.deepEqual([ev.result, ev.key], [result, 'thumb_1'])
    })
  }

  test('for an agent that is not there names nobody', async () => {
    await using room = await new TestSignIns().start()
    await room.attempted({ agent: undefined, result: 'unknown_agent', keyThumbprint: undefined })
    const [{ actor, ev } = {}] = room.records()
    assert.deepEqual([actor, ev.result, 'key' in ev], [undefined, 'unknown_agent', false])
  })

  for (const [addresses, kept, kept6, local] of [
    ['whole', berlin, '2001:db8:86::7', 'local'],
    ['network', '198.51.100.0/24', '2001:db8:86::/48', 'local'],
    ['none', undefined, undefined, 'local'],
  ] as const) {
    test(`leaves ${addresses === 'none' ? 'no' : `the ${addresses}`} address behind where that is set`, async () => {
      await using room = await new TestSignIns().start({ addresses })
      for (const address of [berlin, shanghai, 'unix']) await room.attempted({ address })
      assert.deepEqual(
        room.records().map(({ ev }) => ev.address),
        [kept, kept6, local],
      )
      await room.signIns.close()
      const networks = room.database.look('SELECT network FROM sign_in_places').map(({ network }) => String(network))
      const shown = networks.filter((network) => /198\.51|2001:db8/.test(network)).length
      assert.deepEqual([networks.length, shown], [3, addresses === 'none' ? 0 : 2])
    })
  }

  test('keeps the log whole, whatever its text is', async () => {
    await using room = await new TestSignIns().start()
    for (const text of ['\ud800"\u0000', '\u202e'.repeat(9_000), 'x'.repeat(20_000), '']) {
      await room.attempted({ agent: undefined, result: 'malformed', userAgent: text, address: text, door: text })
    }
    assert.deepEqual(room.trouble, [])
    assert.deepEqual(
      room.records().map(({ ev }) => ev.userAgent?.length),
      [3, 256, 256, undefined],
    )
    await room.audit.checkpoint()
    assert.equal((await verifyLog({ dir: room.log.dir, vkey })).exit, 0)
  })

  test('is counted while the log cannot be written, and in it afterwards', async () => {
    await using room = await new TestSignIns().start()
    const append = room.audit.append.bind(room.audit)
    room.audit.append = () => Promise.reject(new Error('no space'))
    for (let i = 0; i < 50; i += 1) room.attempt({ result: 'refused', form: 'refresh' })
    await room.signIns.settle()
    room.audit.append = append
    await room.signIns.close()
    assert.deepEqual(
      room.records().map(({ ev }) => [ev.result, ev.count]),
      [['refused', 50]],
    )
    assert.equal(room.trouble.length, 50)
  })
})

describe('a flood of attempts', () => {
  test('becomes few records, and the sum is exact', async () => {
    await using room = await new TestSignIns().start()
    const results: readonly SignInResult[] = ['bad_signature', 'unknown_agent']
    for (let i = 0; i < 20_000; i += 1) {
      if (i % 5_000 === 0) room.clock.advance(minute)
      const result = results[i % 2]!
      room.attempt({ result, agent: result === 'unknown_agent' ? undefined : `agent_${i % 6}` })
      if (i % 1_000 === 0) await new Promise(setImmediate)
    }
    await room.signIns.close()
    const records = room.records()
    assert.equal(
      records.reduce((sum, { ev }) => sum + (ev.count ?? 1), 0),
      20_000,
    )
    assert.ok(records.length <= 4 * 4 * 101, `${records.length}`)
  })

  test('of many agents is summed beyond ten thousand kinds', async () => {
    await using room = await new TestSignIns().start()
    for (let i = 0; i < 12_000; i += 1) {
      room.attempt({ result: 'rate_limited', agent: `agent_${i}` })
      if (i % 500 === 0) await room.signIns.settle()
    }
    await room.signIns.close()
    const records = room.records()
    assert.equal(
      records.reduce((sum, { ev }) => sum + (ev.count ?? 1), 0),
      12_000,
    )
    assert.deepEqual(records.at(-1)?.ev.result, 'several')
  })
})

describe('findings', () => {
  test('of a burst come at the fifth failed proof, as a record and an alert', async () => {
    await using room = await new TestSignIns().start()
    for (const result of ['inactive', 'rate_limited', 'ok'] as const) {
      for (let i = 0; i < 9; i += 1) await room.attempted({ result })
    }
    for (const form of ['register', 'challenge', 'refresh', 'exchange'] as const) {
      for (let i = 0; i < 9; i += 1) await room.attempted({ result: 'refused', form })
    }
    assert.deepEqual(room.types(), [])
    for (let i = 0; i < 4; i += 1) await room.attempted({ result: 'bad_signature' })
    assert.deepEqual(room.types(), [])
    const rid = await room.attempted({ result: 'replayed' })
    assert.deepEqual(room.findings, [
      {
        agent: 'agent_1',
        type: 'auth_failure_burst',
        riskScore: 6,
        details: { failures: 5, windowSeconds: 300, addresses: 1 },
        at: room.clock.now(),
        rid,
      },
    ])
    const [{ actor, ev } = {}] = room.records('sign_in.finding')
    assert.deepEqual(actor, { kind: 'agent', id: 'agent_1' })
    assert.deepEqual(ev, {
      what: 'sign_in.finding',
      finding: 'auth_failure_burst',
      riskScore: '6.0',
      details: { failures: 5, windowSeconds: 300, addresses: 1 },
    })
  })

  test('of a long attack come once in five minutes', async () => {
    await using room = await new TestSignIns().start()
    for (let i = 0; i < 600; i += 1) {
      room.clock.advance(1_000)
      room.attempt({ result: 'bad_signature', address: `192.0.2.${i % 250}` })
    }
    await room.signIns.settle()
    assert.deepEqual(
      room.findings.map(({ riskScore }) => riskScore),
      [7.5, 7.5],
    )
  })

  test('of another country within the hour have the shape of the contract', async () => {
    await using room = await new TestSignIns().start()
    await room.attempted({ address: newYork })
    room.clock.advance(300_000)
    await room.attempted({ address: shanghai, form: 'refresh' })
    assert.deepEqual(
      room.findings.map(({ type, details, riskScore }) => ({ type, details, riskScore })),
      [
        {
          type: 'geographic_anomaly',
          details: { previousLocation: 'US', currentLocation: 'CN', timeDelta: 300 },
          riskScore: 8.5,
        },
      ],
    )
  })

  test('of an agent in two countries at once come once an hour for each way', async () => {
    await using room = await new TestSignIns().start()
    for (let i = 0; i < 100; i += 1) await room.attempted({ address: i % 2 === 0 ? newYork : shanghai })
    assert.deepEqual(room.types(), ['geographic_anomaly', 'geographic_anomaly'])
  })

  test('of travel that nobody makes, within a country and over hours', async () => {
    await using room = await new TestSignIns().start()
    await room.attempted({ address: berlin })
    room.clock.advance(10 * minute)
    await room.attempted({ address: munich })
    assert.deepEqual(room.types(), ['impossible_travel'])
    room.clock.advance(6 * hour)
    await room.attempted({ address: newYork })
    room.clock.advance(5 * hour)
    await room.attempted({ address: shanghai })
    assert.deepEqual(room.types(), ['impossible_travel', 'impossible_travel', 'impossible_travel'])
    assert.equal(room.findings.at(-1)?.details.currentLocation, 'CN')
  })

  test('of a new network come after the learning period, and over a restart', async () => {
    await using room = await new TestSignIns().start()
    await room.attempted({ address: berlin })
    room.clock.advance(2 * day)
    await room.attempted({ address: '192.0.2.1' })
    room.clock.advance(6 * day)
    await room.restart()
    for (const address of ['192.0.2.200', berlin]) await room.attempted({ address })
    assert.deepEqual(room.types(), [])
    await room.attempted({ address: '192.0.3.1' })
    await room.attempted({ address: '192.0.3.2' })
    assert.deepEqual(
      room.findings.map(({ type, details }) => [type, details]),
      [['new_network', { network: '192.0.3.0/24', knownNetworks: 2 }]],
    )
  })

  test('of a new network need no address in the clear', async () => {
    await using room = await new TestSignIns().start({ addresses: 'none' })
    await room.attempted({ address: '192.0.2.1' })
    room.clock.advance(8 * day)
    await room.restart({ addresses: 'none' })
    await room.attempted({ address: '192.0.2.2' })
    assert.deepEqual(room.types(), [])
    await room.attempted({ address: '192.0.3.1' })
    assert.deepEqual(room.types(), ['new_network'])
    assert.match(String(room.findings[0]?.details.network), /^hmac-sha256:/)
  })

  test('of an agent that wakes come once, over a restart', async () => {
    await using room = await new TestSignIns().start()
    await room.attempted()
    await room.restart()
    room.clock.advance(90 * day)
    for (const result of ['bad_signature', 'ok', 'ok'] as const) await room.attempted({ result })
    assert.deepEqual(room.types(), ['dormant_agent'])
    assert.equal(room.findings[0]?.details.days, 90)
  })

  test('of reused keys and refresh tokens are told by whoever sees them', async () => {
    await using room = await new TestSignIns().start()
    room.signIns.keyReuse({ agent: 'agent_1', keyThumbprint: 'thumb', others: [], rid: 'call_0' })
    room.signIns.keyReuse({ agent: 'agent_1', keyThumbprint: 'thumb', others: ['agent_2'], rid: 'call_1' })
    for (let i = 0; i < 3; i += 1) {
      room.signIns.refreshReuse({ agent: 'agent_1', family: 'ses_1', address: berlin, rid: 'call_2' })
    }
    await room.signIns.settle()
    assert.deepEqual(
      room.findings.map(({ type, riskScore, rid }) => [type, riskScore, rid]),
      [
        ['key_reuse', 7, 'call_1'],
        ['refresh_reuse', 9, 'call_2'],
      ],
    )
  })

  test('are told although the log cannot be written', async () => {
    await using room = await new TestSignIns().start()
    room.audit.append = () => Promise.reject(new Error('no space'))
    for (let i = 0; i < 5; i += 1) await room.attempted({ result: 'bad_signature' })
    assert.deepEqual(room.types(), ['auth_failure_burst'])
  })

  test('are looked for in sign-ins in their order, however close they come', async () => {
    await using room = await new TestSignIns().start()
    await room.attempted({ address: newYork })
    await room.restart()
    room.clock.advance(minute)
    for (const address of [newYork, shanghai, shanghai, shanghai]) room.attempt({ address })
    await room.signIns.settle()
    assert.deepEqual(room.types(), ['geographic_anomaly'])
  })
})

describe('what is remembered of an agent', () => {
  test('is bounded: the networks it used last', async () => {
    await using room = await new TestSignIns().start()
    for (let i = 0; i < 100; i += 1) {
      room.clock.advance(1_000)
      await room.attempted({ address: `10.0.${i}.1` })
      if (i === 50) await room.signIns.close()
    }
    await room.restart()
    const places = await room.signIns.places('agent_1')
    assert.deepEqual([places.length, places[0]?.network, places.at(-1)?.network], [32, '10.0.99.0/24', '10.0.68.0/24'])
    assert.equal(room.database.look('SELECT * FROM sign_in_places').length, 32)
  })

  test('is erased with the agent, in memory and in the file, and of no other', async () => {
    await using room = await new TestSignIns().start()
    for (const agent of ['agent_1', 'agent_2']) {
      for (const address of [berlin, newYork]) await room.attempted({ agent, address })
    }
    await room.signIns.close()
    assert.equal(await room.signIns.forget('agent_1'), 2)
    assert.equal(await room.signIns.forget('agent_1'), 0)
    await room.restart()
    assert.deepEqual(await room.signIns.places('agent_1'), [])
    assert.equal((await room.signIns.places('agent_2')).length, 2)
  })

  test('is erased though it was not written yet', async () => {
    await using room = await new TestSignIns().start()
    room.attempt()
    await room.signIns.settle()
    assert.equal(await room.signIns.forget('agent_1'), 0)
    await room.restart()
    assert.deepEqual(await room.signIns.places('agent_1'), [])
  })

  test('is written later when it cannot be now', async () => {
    await using room = await new TestSignIns().start()
    await room.attempted()
    const write = room.storage.write.bind(room.storage)
    room.storage.write = () => Promise.reject(new Error('no space'))
    await room.signIns.close()
    assert.equal(room.trouble.length, 1)
    room.storage.write = write
    await room.restart()
    assert.equal((await room.signIns.places('agent_1')).length, 1)
  })

  test('of many agents stays on the disk, not in memory', async () => {
    await using room = await new TestSignIns().start()
    const places = new Places(room.storage, (error) => room.trouble.push(error), 100)
    const seen = { at: 0, network: '10.0.0.0/24', location: undefined }
    for (let i = 0; i < 1_000; i += 1) {
      await places.see(`agent_${i}`, seen, ({ last }) => assert.equal(last, undefined))
      assert.ok(places.size <= 200, `${places.size}`)
      if (i % 20 === 0) await places.save()
    }
    for (let i = 0; i < 1_000; i += 100) {
      await places.see(`agent_${i}`, seen, ({ last }) => assert.equal(last?.network, '10.0.0.0/24'))
    }
    await places.save()
    for (let i = 0; i < 1_000; i += 1) assert.equal((await places.of(`agent_${i}`)).length, 1)
    assert.ok(places.size <= 100, `${places.size}`)
    assert.deepEqual(room.trouble, [])
    assert.equal(room.database.look('SELECT count(*) AS n FROM sign_in_places')[0]?.n, 1_000)
  })
})

describe('the history of an agent', () => {
  test('holds its attempts, sums and findings, newest first, and nobody else’s', async () => {
    await using room = await new TestSignIns().start()
    room.clock.advance(minute)
    await room.attempted({ userAgent: 'curl/8' })
    await room.audit.append({ type: 'auth', actor: { kind: 'agent', id: 'agent_1' }, ev: { what: 'key.added' } })
    for (let i = 0; i < 5; i += 1) await room.attempted({ result: 'bad_signature', address: newYork })
    await room.attempted({ agent: 'agent_2' })
    const { items, next } = await room.signIns.history('agent_1', 50)
    assert.equal(next, undefined)
    assert.deepEqual(
      items.map(({ what }) => what),
      ['finding', ...Array(6).fill('attempt')],
    )
    const [finding, failed] = items
    assert.deepEqual([finding?.type, finding?.riskScore, finding?.details?.failures], ['auth_failure_burst', 6, 5])
    assert.deepEqual([failed?.result, failed?.country], ['bad_signature', 'US'])
    assert.equal(items.at(-1)?.userAgent, 'curl/8')
  })

  test('comes in pages', async () => {
    await using room = await new TestSignIns().start()
    for (let i = 0; i < 25; i += 1) await room.attempted({ door: `door ${i}` })
    const doors: (string | undefined)[] = []
    let before: number | undefined
    do {
      const page = await room.signIns.history('agent_1', 10, before)
      doors.push(...page.items.map(({ door }) => door))
      before = page.next
    } while (before !== undefined)
    assert.deepEqual(
      doors,
      Array.from({ length: 25 }, (_, i) => `door ${24 - i}`),
    )
  })
})
