/** What a yes would allow, in one sentence. */
import type { Action, Terms } from '../action.ts'
import { plural } from './visible.ts'

const answers = {
  tap: 'A tap in a messenger is enough.',
  push: 'It wants an answer on an enrolled device.',
  passkey: 'It wants a passkey.',
  'two-people': 'It wants the passkeys of two people.',
} as const

export function allowsOf(action: Action, now: number): string {
  const { terms } = action
  const asks = answers[terms.assurance]
  if (action.kind === 'window') {
    const left = lasts(Math.max(0, Math.floor((action.until - now) / 1000)))
    return `${plural(action.uses, 'call')} of those listed, without being asked again, for ${left} (until ${moment(action.until)}). ${asks}`
  }
  const what = action.kind === 'call' ? 'Exactly this request' : 'Exactly this, done by the agent itself'
  const good = terms.goodSeconds ?? terms.lifeSeconds
  return `${what}, ${times(terms)}, within ${lasts(good)} of the yes (of one at ${moment(now)}: until ${moment(now + good * 1000)}). ${asks}`
}

function times({ uses }: Terms): string {
  return uses === 1 ? 'once' : plural(uses, 'time')
}

export function lasts(seconds: number): string {
  const units = [
    ['day', 86_400],
    ['hour', 3_600],
    ['minute', 60],
    ['second', 1],
  ] as const
  const parts: string[] = []
  let left = seconds
  for (const [name, length] of units) {
    const count = Math.floor(left / length)
    if (count > 0) parts.push(plural(count, name))
    left -= count * length
  }
  return parts.length === 0 ? 'no time' : parts.join(' ')
}

/** ISO 8601; for a time that no calendar has, the number. */
export function moment(at: number): string {
  const date = new Date(at)
  return Number.isNaN(date.getTime()) ? `${at} ms` : date.toISOString().replace('.000Z', 'Z')
}
