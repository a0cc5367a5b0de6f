// Carries out what an import of a whole installation planned, and says of each thing whether it came over.
import { systemClock } from '../../ground/clock.ts'
import { Problem } from '../../ground/problem.ts'
import { type ExitCode, exitCode } from '../exit-codes.ts'
import { table } from '../render.ts'
import type { Result } from '../verb.ts'
import { type Unasked, unaskedLines, unaskedMember } from './ask-gateway.ts'
import type { Bringing, Item } from './item.ts'
import { Journal, newJournalId } from './journal.ts'
import { newKey } from './known-secrets.ts'

export interface Carrying extends Omit<Bringing, 'journal'> {
  /** Word for the kind of import, and the folder that it reads. */
  readonly what: string
  readonly from: string
}

/** In their order; the journal says what was stored. */
export async function carryOver(
  items: readonly Item[],
  { what, from, client, known, home }: Carrying,
): Promise<{ journal: string; items: Item[] }> {
  const at = systemClock.now()
  const id = newJournalId(at)
  const journal = Journal.create(home, { journal: id, at, what, from: [from] }, await newKey(client, id))
  try {
    const done = await bringAll(items, { client, journal, known, home })
    journal.append({ finished: systemClock.now() })
    return { journal: id, items: done }
  } finally {
    journal.close()
  }
}

export async function bringAll(items: readonly Item[], bringing: Bringing): Promise<Item[]> {
  const done: Item[] = []
  for (const item of items) done.push(await bring(item, bringing))
  return done
}

/** What fails for one is said, and the rest goes on. */
async function bring(item: Item, bringing: Bringing): Promise<Item> {
  if (item.bring === undefined) return item
  if (item.first) return { ...item, ...(await item.bring(bringing)) }
  try {
    return { ...item, ...(await item.bring(bringing)) }
  } catch (error) {
    if (!(error instanceof Problem) || error.code === 'gateway_not_running') throw error
    const why = [`${error.title} [${error.code}]`, error.detail, error.hint].filter((part) => part !== undefined)
    return { ...item, action: 'leave', why: why.join('. '), failed: true }
  }
}

export interface Told {
  readonly from: string
  readonly items: readonly Item[]
  readonly next: readonly string[]
  readonly journal?: string
  readonly unasked?: Unasked | undefined
}

export function result({ from, items, next, journal, unasked }: Told): Result {
  const said = {
    bring: journal === undefined ? 'would come over' : 'came over',
    known: 'is here already',
    leave: 'stays',
  }
  const shown = items.map(({ what, name, action, why, facts }) => ({ what, name, action: said[action], why, ...facts }))
  const code: ExitCode = items.some(({ failed }) => failed) ? exitCode.partly : exitCode.ok
  const rows = table(shown, ['what', 'name', 'action', 'why'], 'it is empty')
  const json = {
    dryRun: journal === undefined,
    from,
    ...unaskedMember(unasked),
    journal,
    items: shown,
    next,
  }
  return { json, text: [rows, [...unaskedLines(unasked), ...next].join('\n')].join('\n\n'), code }
}
