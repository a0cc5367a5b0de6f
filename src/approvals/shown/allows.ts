/** What a yes would allow, in one sentence. */
import type { Action, Terms, WindowAction } from '../action.ts'
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
    return `This call, and ${plural(terms.uses, 'more', 'more')} of this form without being asked again, within ${lasts(terms.lifeSeconds)} of the yes (of one at ${moment(now)}: until ${moment(now + terms.lifeSeconds * 1000)}). ${open(action)} ${asks}`
  }
  const what = action.kind === 'call' ? 'Exactly this request' : 'Exactly this, done by the agent itself'
  const good = terms.goodSeconds ?? terms.lifeSeconds
  return `${what}, ${times(terms)}, within ${lasts(good)} of the yes (of one at ${moment(now)}: until ${moment(now + good * 1000)}). ${asks}`
}

/** What a call may have for itself. */
function open({ action }: WindowAction): string {
  return `${action === undefined ? 'Query, headers and body' : 'Whatever stands in the places of the path, query, headers and body'} may be others each time.`
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
