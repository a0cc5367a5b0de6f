/**
 * What timestamps of a condition say in a zone: `now.getHours('Europe/Berlin')` (langdef.md, "Timezones"). The library makes
 * a formatter for each use, a fifth of a millisecond, and goes through the zone of the machine in between, where an hour that
 * its clock skips is another one. Here a zone's clock is kept, and worked out once a minute.
 */
import { type CelFunc, CelScalar, celMethod, objectType } from '@bufbuild/cel'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
/** Zones that are kept; a condition may take their names from a body. */
const MAX_ZONES = 64

interface Zone {
  readonly format: Intl.DateTimeFormat
  minute: number
  offsetMs: number
}

const zones = new Map<string, Zone>()

const FIXED = /^([+-]?)(\d\d):(\d\d)$/

/** Milliseconds to add to the time of a moment for what the clock there shows. Throws RangeError for a zone that there is not. */
function offsetAt(at: number, zone: string): number {
  const [, sign, hours, minutes] = FIXED.exec(zone) ?? []
  if (hours !== undefined) return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * MINUTE_MS
  const known = zoneOf(zone)
  const minute = Math.floor(at / MINUTE_MS)
  if (minute !== known.minute) {
    known.offsetMs = shownAt(minute * MINUTE_MS, known.format) - minute * MINUTE_MS
    known.minute = minute
  }
  return known.offsetMs
}

function zoneOf(name: string): Zone {
  let zone = zones.get(name)
  if (zone === undefined) {
    const whole = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' } as const
    const format = new Intl.DateTimeFormat('en-US', { ...whole, second: 'numeric', hourCycle: 'h23', timeZone: name })
    zone = { format, minute: Number.NaN, offsetMs: 0 }
    if (zones.size >= MAX_ZONES) zones.clear()
    zones.set(name, zone)
  }
  return zone
}

/** What the clock shows, as the moment at which UTC's shows the same. */
function shownAt(at: number, format: Intl.DateTimeFormat): number {
  const shown: Record<string, number> = {}
  for (const { type, value } of format.formatToParts(at)) shown[type] = Number(value)
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = shown
  const date = new Date(0)
  // Not Date.UTC(): it takes the year 99 for 1999.
  date.setUTCFullYear(year, month - 1, day)
  return date.setUTCHours(hour, minute, second)
}

const says: Readonly<Record<string, (shown: Date) => number>> = {
  getFullYear: (shown) => shown.getUTCFullYear(),
  getMonth: (shown) => shown.getUTCMonth(),
  getDate: (shown) => shown.getUTCDate(),
  getDayOfMonth: (shown) => shown.getUTCDate() - 1,
  getDayOfWeek: (shown) => shown.getUTCDay(),
  getDayOfYear: (shown) => Math.floor((shown.getTime() - new Date(shown).setUTCMonth(0, 1)) / DAY_MS),
  getHours: (shown) => shown.getUTCHours(),
  getMinutes: (shown) => shown.getUTCMinutes(),
  getSeconds: (shown) => shown.getUTCSeconds(),
  getMilliseconds: (shown) => shown.getUTCMilliseconds(),
}

const TIMESTAMP = objectType('google.protobuf.Timestamp')

interface Timestamp {
  readonly message: unknown
}

function momentOf({ message }: Timestamp): number {
  const { seconds, nanos } = message as { readonly seconds: bigint; readonly nanos: number }
  return Number(seconds) * 1_000 + Math.floor(nanos / 1_000_000)
}

/** Each as it is said of UTC, and of a zone that is named. */
export const localTime: readonly CelFunc[] = Object.entries(says).flatMap(([name, say]) => [
  celMethod(name, TIMESTAMP, [], CelScalar.INT, function () {
    return BigInt(say(new Date(momentOf(this))))
  }),
  celMethod(name, TIMESTAMP, [CelScalar.STRING], CelScalar.INT, function (zone) {
    const at = momentOf(this)
    return BigInt(say(new Date(at + offsetAt(at, zone))))
  }),
])
