/** Windows of local time: what the clock on the wall of a zone shows, summer time and all. */
import { ruleProblem, type TimeWindow } from './contract.ts'

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
const MINUTES = 24 * 60

/**
 * What one zone's clock shows. Asked for every call, worked out once a minute: no zone changes its clock inside of one.
 * Kept for the zones that rules name.
 */
export class ZoneClock {
  readonly #format: Intl.DateTimeFormat
  #minute = Number.NaN
  /** 0 is Monday. */
  day = 0
  /** Since local midnight. */
  minutes = 0

  /** Throws Problem `rule_invalid` for a zone that there is not. */
  constructor(zone: string) {
    try {
      const parts = { weekday: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const
      this.#format = new Intl.DateTimeFormat('en-US', { ...parts, timeZone: zone })
    } catch {
      throw ruleProblem('rule_invalid', {
        detail: 'There is no such time zone.',
        hint: 'Name one of the IANA database: Europe/Berlin, UTC.',
        facts: { zone },
      })
    }
  }

  at(now: number): this {
    const minute = Math.floor(now / 60_000)
    if (minute === this.#minute) return this
    const parts = Object.fromEntries(this.#format.formatToParts(now).map(({ type, value }) => [type, value]))
    this.day = DAYS.indexOf((parts.weekday ?? '').toLowerCase() as (typeof DAYS)[number])
    this.minutes = Number(parts.hour) * 60 + Number(parts.minute)
    this.#minute = minute
    return this
  }
}

/** Whether a moment is inside, compiled. Throws Problem `rule_invalid`. */
export class CompiledWindow {
  readonly #clock: ZoneClock
  readonly #days: readonly boolean[]
  readonly #from: number
  readonly #to: number

  constructor({ days, from, to, zone }: TimeWindow, clockOf: (zone: string) => ZoneClock) {
    this.#clock = clockOf(zone)
    this.#days = DAYS.map((day) => days === undefined || days.includes(day))
    this.#from = minutesOf(from ?? '00:00')
    this.#to = to === undefined ? MINUTES : minutesOf(to)
    if (this.#from === this.#to) {
      throw ruleProblem('rule_invalid', { detail: 'The window begins when it ends.', facts: { member: 'match.time' } })
    }
  }

  has(now: number): boolean {
    const { day, minutes } = this.#clock.at(now)
    if (this.#from < this.#to) return this.#days[day] === true && minutes >= this.#from && minutes < this.#to
    if (minutes >= this.#from) return this.#days[day] === true
    // After midnight it is still the window of the day before.
    return minutes < this.#to && this.#days[(day + 6) % 7] === true
  }
}

function minutesOf(text: string): number {
  return Number(text.slice(0, 2)) * 60 + Number(text.slice(3))
}
