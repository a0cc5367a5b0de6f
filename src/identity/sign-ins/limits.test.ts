import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SetClock } from '../../ground/clock.ts'
import { Problem } from '../../ground/problem.ts'
import { clientNetwork } from './client-network.ts'
import { type LimitSettings, refuseUnlessOk, SignInLimits, type Verdict } from './limits.ts'
import { RateTable, rateOf } from './rate-table.ts'

const defaults: LimitSettings = {
  register: '5/h',
  challenge: '10/min',
  challengeAddress: '60/min',
  authenticate: '10/min',
  refresh: '30/min',
  verify: '600/min',
  trust: '60/min',
  metadata: '600/min',
}

function limitsOf(settings: Partial<LimitSettings> = {}, entries?: number) {
  const clock = new SetClock()
  return { clock, limits: new SignInLimits(clock, { ...defaults, ...settings }, entries) }
}

describe('clientNetwork()', () => {
  const read: readonly (readonly [string, string, string, string])[] = [
    ['203.0.113.9', '203.0.113.9', '203.0.113.9', '203.0.113.0/24'],
    ['::ffff:203.0.113.9', '203.0.113.9', '203.0.113.9', '203.0.113.0/24'],
    ['::FFFF:cb00:7109', '203.0.113.9', '203.0.113.9', '203.0.113.0/24'],
    ['2001:DB8:1:2:3:4:5:6', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64', '2001:db8:1::/48'],
    ['2001:db8::1', '2001:db8::1', '2001:db8::/64', '2001:db8::/48'],
    ['fe80::1%eth0', 'fe80::1', 'fe80::/64', 'fe80::/48'],
    ['10.0.0.1', '10.0.0.1', '10.0.0.1', '10.0.0.0/24'],
  ]
  for (const [text, address, counted, network] of read) {
    test(`reads ${text}`, () => {
      assert.deepEqual(clientNetwork(text), { local: false, address, counted, network })
    })
  }

  for (const text of ['unix', '127.0.0.1', '127.8.8.8', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1']) {
    test(`knows ${text} for this machine`, () => assert.equal(clientNetwork(text).local, true))
  }

  for (const text of [
    '',
    '0.0.0.0',
    'localhost',
    '127.1',
    '0x7f.0.0.1',
    '127.0.0.1:80',
    '[::1]',
    '_hidden',
    'local',
    'UNIX',
  ]) {
    test(`counts '${text}' with everybody whose address is not known`, () => {
      assert.deepEqual([clientNetwork(text).local, clientNetwork(text).counted], [false, 'unknown'])
    })
  }
})

describe('SignInLimits, by the defaults of the contract', () => {
  type Ask = (limits: SignInLimits, who: number) => Verdict
  let names = 0
  const another = () => {
    names += 1
    return `a${names}`
  }
  const address = (who: number) => `203.0.113.${who}`
  const table: readonly (readonly [string, number, number, Ask])[] = [
    ['register, by address', 5, 3_600, (limits, who) => limits.register(address(who))],
    ['challenge, by agent and address', 10, 60, (limits, who) => limits.challenge(`a${who}`, '198.51.100.1')],
    ['challenge, by address', 60, 60, (limits, who) => limits.challenge(another(), address(who))],
    ['authenticate, by agent', 10, 60, (limits, who) => limits.authenticate(`a${who}`, '198.51.100.1')],
    ['authenticate, by address', 10, 60, (limits, who) => limits.authenticate('a', address(who))],
    ['refresh, by family', 30, 60, (limits, who) => limits.refresh(`ses_${who}`)],
    ['verify, by service', 600, 60, (limits, who) => limits.verify(`srv_${who}`)],
    ['trust, by service', 60, 60, (limits, who) => limits.trust(`srv_${who}`)],
    ['metadata, by address', 600, 60, (limits, who) => limits.metadata(address(who))],
  ]
  for (const [name, most, seconds, ask] of table) {
    test(`${name}: ${most} in ${seconds} s, then Retry-After, then again, others untouched`, () => {
      const { clock, limits } = limitsOf()
      for (let i = 0; i < most; i += 1) assert.deepEqual(ask(limits, 1), { ok: true })
      assert.deepEqual(ask(limits, 1), { ok: false, retryAfterS: seconds })
      assert.deepEqual(ask(limits, 2), { ok: true })
      clock.advance(seconds * 1_000 - 400)
      assert.deepEqual(ask(limits, 1), { ok: false, retryAfterS: 1 })
      clock.advance(400)
      assert.deepEqual(ask(limits, 1), { ok: true })
    })
  }

  test('never lets more than the rate through in any minute, however they come', () => {
    const { clock, limits } = limitsOf()
    const taken: number[] = []
    for (let i = 0; i < 5_000; i += 1) {
      clock.advance((i * 7_919) % 1_500)
      if (limits.authenticate('a', '203.0.113.1').ok) taken.push(clock.mono())
    }
    for (const [at, time] of taken.entries()) assert.ok(at < 10 || time - taken[at - 10]! >= 60_000)
    assert.ok(taken.length > 500)
  })

  test('do not count what they refuse, and count no part of what another limit refuses', () => {
    const { clock, limits } = limitsOf({ challengeAddress: '11/min' })
    for (let i = 0; i < 10; i += 1) assert.ok(limits.challenge('a', '203.0.113.1').ok)
    for (let i = 0; i < 100; i += 1) assert.ok(!limits.challenge('a', '203.0.113.1').ok)
    assert.ok(limits.challenge('b', '203.0.113.1').ok, 'the address has one left')
    assert.ok(!limits.challenge('c', '203.0.113.1').ok)
    clock.advance(60_000)
    assert.ok(limits.challenge('a', '203.0.113.1').ok)
  })

  test('skip this machine where they go by address, and nowhere else', () => {
    const { limits } = limitsOf()
    for (const address of ['unix', '127.0.0.1', '::1']) {
      for (let i = 0; i < 700; i += 1) {
        const verdicts = [limits.register(address), limits.challenge('a', address), limits.authenticate('a', address)]
        assert.ok([...verdicts, limits.metadata(address)].every(({ ok }) => ok))
      }
    }
    assert.equal(limits.size, 0)
    for (let i = 0; i < 30; i += 1) limits.refresh('ses_1')
    assert.ok(!limits.refresh('ses_1').ok)
  })

  test('take one IPv6 customer for one, whichever of its addresses it uses', () => {
    const { limits } = limitsOf()
    const customer = (i: number) => `2001:db8:1:2:${i.toString(16)}::${(i * 31).toString(16)}`
    for (let i = 0; i < 5; i += 1) assert.ok(limits.register(customer(i)).ok)
    assert.ok(!limits.register(customer(77)).ok)
    assert.ok(limits.register('2001:db8:1:3::1').ok)
  })

  test('can be set and switched off', () => {
    const { limits } = limitsOf({ register: '1/s', verify: 'off' })
    assert.ok(limits.register('203.0.113.1').ok)
    assert.deepEqual(limits.register('203.0.113.1'), { ok: false, retryAfterS: 1 })
    for (let i = 0; i < 1_000; i += 1) assert.ok(limits.verify('srv_1').ok)
  })

  test('go by the clock that cannot jump', () => {
    const { clock, limits } = limitsOf()
    for (let i = 0; i < 5; i += 1) limits.register('203.0.113.1')
    clock.jumpTo(clock.now() + 10 * 3_600_000)
    assert.ok(!limits.register('203.0.113.1').ok)
  })

  test('become the problem rate_limited with its Retry-After', () => {
    refuseUnlessOk({ ok: true })
    assert.throws(
      () => refuseUnlessOk({ ok: false, retryAfterS: 42 }),
      (error) =>
        error instanceof Problem &&
        error.code === 'rate_limited' &&
        error.status === 429 &&
        error.facts.retryAfterSeconds === 42,
    )
  })
})

describe('a flood', () => {
  const addresses = 100_000
  const v4 = (i: number) => `${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.7`
  const v6 = (i: number) => `2001:db8:${(i >> 16).toString(16)}:${(i & 0xffff).toString(16)}::1`

  test(`of ${addresses} addresses and names leaves bounded memory, and what is used last stays counted`, () => {
    const { limits } = limitsOf()
    for (let i = 0; i < 5; i += 1) limits.register('203.0.113.1')
    for (let i = 0; i < addresses; i += 1) {
      limits.register(i % 2 === 0 ? v4(i) : v6(i))
      limits.challenge(`${i}`.padEnd(i % 10 === 0 ? 2_000 : 20), i % 2 === 0 ? v4(i) : v6(i))
      limits.authenticate(`agent_${i}`, v4(i))
      if (i % 10_000 === 0) assert.ok(!limits.register('203.0.113.1').ok || i > 16_384)
    }
    assert.equal(limits.size, 4 * 16_384)
  })

  test('from one IPv6 customer is one entry', () => {
    const { limits } = limitsOf()
    for (let i = 0; i < addresses; i += 1)
      limits.register(`2001:db8::${(i >> 8).toString(16)}:${(i & 255).toString(16)}`)
    assert.equal(limits.size, 1)
  })

  test('melts away once it is over', () => {
    const clock = new SetClock()
    const table = new RateTable(clock, rateOf('5/min'), 1_000)
    for (let i = 0; i < 5_000; i += 1) table.take(`key ${i}`)
    assert.equal(table.size, 1_000)
    clock.advance(60_000)
    for (let i = 0; i < 1_100; i += 1) table.take('somebody')
    assert.equal(table.size, 1)
  })

  test('drops the key that was idle the longest', () => {
    const table = new RateTable(new SetClock(), rateOf('1/min'), 3)
    for (const key of ['a', 'b', 'c', 'a', 'd']) table.take(key)
    assert.deepEqual(
      ['a', 'b', 'c', 'd'].map((key) => table.waitMs(key) > 0),
      [true, false, true, true],
    )
  })
})
