import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { isCelError, parse, plan } from '@bufbuild/cel'
import { seeded } from '../../test/generators/seeded.ts'
import { env, metered } from './condition-cost.ts'

/** What an expression gives. */
function given(text: string): unknown {
  const { given: value, over } = metered(1, new Map(), () => plan(env, parse(text))())
  assert.equal(over, false)
  return isCelError(value) ? 'error' : value
}

describe('a timestamp of a condition', () => {
  const { TZ } = process.env
  afterEach(() => {
    if (TZ === undefined) delete process.env.TZ
    else process.env.TZ = TZ
  })

  const told: readonly [moment: string, says: string, wanted: bigint][] = [
    ['2026-03-29T00:59:59Z', "getHours('Europe/Berlin')", 1n],
    ['2026-03-29T01:00:00Z', "getHours('Europe/Berlin')", 3n],
    ['2026-10-25T00:30:00Z', "getHours('Europe/Berlin')", 2n],
    ['2026-10-25T01:30:00Z', "getHours('Europe/Berlin')", 2n],
    ['2026-01-01T00:00:00Z', "getFullYear('America/New_York')", 2025n],
    ['2026-01-01T00:00:00Z', "getDayOfYear('America/New_York')", 364n],
    ['2024-12-31T23:00:00Z', 'getDayOfYear()', 365n],
    ['2026-11-21T00:00:00Z', 'getDayOfWeek()', 6n],
    ['2026-11-21T00:00:00Z', "getDayOfWeek('Pacific/Honolulu')", 5n],
    ['2026-11-21T00:00:00Z', "getMinutes('Asia/Kathmandu')", 45n],
    ['2026-11-21T00:00:00Z', "getHours('-01:30')", 22n],
    ['2026-11-21T00:00:00Z', "getMinutes('05:45')", 45n],
    ['2026-02-28T23:59:59.987Z', "getDayOfMonth('+00:01')", 0n],
    ['2026-02-28T23:59:59.987Z', "getMonth('+00:01')", 2n],
    ['2026-02-28T23:59:59.987Z', 'getMilliseconds()', 987n],
    ['0001-02-03T04:05:06Z', "getFullYear('UTC')", 1n],
    ['0099-02-03T04:05:06Z', 'getFullYear()', 99n],
    ['1880-01-01T00:00:00Z', "getSeconds('Europe/Berlin')", 28n],
  ]
  for (const zone of ['UTC', 'Europe/Berlin', 'America/New_York']) {
    test(`says what its zone's clock shows, on a machine whose own zone is ${zone}`, () => {
      process.env.TZ = zone
      for (const [moment, says, wanted] of told) {
        assert.equal(given(`timestamp('${moment}').${says}`), wanted, `${moment} ${says}`)
      }
      assert.equal(given("timestamp('2026-03-29T02:30:00Z').getHours()"), 2n, 'an hour that Berlin skips')
      assert.equal(given("timestamp('2026-03-08T02:30:00Z').getHours()"), 2n, 'an hour that New York skips')
    })
  }

  test('says the same as the system does, at any time', () => {
    const random = seeded(11)
    for (let run = 0; run < 300; run++) {
      const zone = ['Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe', 'Africa/Casablanca'][random.below(4)]!
      const at = random.below(4_000_000) * 1_000_000
      const shown = new Intl.DateTimeFormat('en-US', {
        timeZone: zone,
        hour: 'numeric',
        minute: 'numeric',
        hourCycle: 'h23',
      })
      const { hour, minute } = Object.fromEntries(shown.formatToParts(at).map(({ type, value }) => [type, value]))
      const moment = `timestamp('${new Date(at).toISOString()}')`
      const says = [given(`${moment}.getHours('${zone}')`), given(`${moment}.getMinutes('${zone}')`)]
      assert.deepEqual(says, [BigInt(hour!), BigInt(minute!)], `${moment} ${zone}`)
    }
  })

  test('cannot say what a zone shows that there is not, and keeps a bounded number of them', () => {
    for (const zone of ['Mars/Olympus', '', '25', '+1:00', 'Europe/Berlin ']) {
      assert.equal(given(`timestamp('2026-01-01T00:00:00Z').getHours('${zone}')`), 'error', zone)
    }
    for (const zone of Intl.supportedValuesOf('timeZone').slice(0, 150)) {
      assert.notEqual(given(`timestamp('2026-01-01T00:00:00Z').getHours('${zone}')`), 'error', zone)
    }
  })

  test('costs too much where a body names zones without end', () => {
    const zones = JSON.stringify(Array.from({ length: 400 }, (_, at) => `Z${at}`))
    const text = `${zones}.all(zone, timestamp('2026-01-01T00:00:00Z').getHours(zone) > 30 || true)`
    assert.equal(metered(1, new Map(), () => plan(env, parse(text))()).over, true)
  })
})
