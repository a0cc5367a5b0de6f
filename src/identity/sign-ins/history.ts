import type { SignInView } from './contract.ts'

/** A record of the log, as far as it is read here. */
export interface ReadRecord {
  readonly seq: number
  readonly ts?: unknown
  readonly ev?: unknown
}

/** Records of type `auth` of one actor, newest first, before a position. */
export type ReadRecords = (query: {
  readonly actor: string
  readonly before: number | undefined
  readonly limit: number
}) => Promise<readonly ReadRecord[]>

export interface History {
  readonly items: readonly SignInView[]
  /** Ask again with `before` this for older ones; undefined when there are none. */
  readonly next: number | undefined
}

const PAGE = 200
/** Pages looked through for one answer: an agent has other records of that type too, and few of them. */
const MOST_PAGES = 5

/** An agent's sign-ins and what was found in them, newest first. */
export async function readHistory(
  read: ReadRecords,
  actor: string,
  { limit, before }: { limit: number; before?: number | undefined },
): Promise<History> {
  const items: SignInView[] = []
  let from = before
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const records = await read({ actor, before: from, limit: PAGE })
    for (const record of records) {
      from = record.seq
      const view = viewOf(record)
      if (view !== undefined) items.push(view)
      if (items.length >= limit) return { items, next: from }
    }
    if (records.length < PAGE) return { items, next: undefined }
  }
  return { items, next: from }
}

/** The log is ours and was checked, but its shape may be of another version: what does not fit is left out. */
function viewOf({ seq, ts, ev }: ReadRecord): SignInView | undefined {
  const { what, ...members } = ev as Record<string, unknown>
  const at = typeof ts === 'number' ? ts : 0
  if (what === 'sign_in.finding') {
    const { finding, riskScore, details } = members
    return clean({ seq, at, what: 'finding', type: finding, riskScore: Number(riskScore), details })
  }
  if (what !== 'sign_in') return undefined
  const { count, result, door, form, address, country, userAgent, key } = members
  const shown = { seq, at, result, door, form, address, country, userAgent, key, count }
  return clean({ ...shown, what: count === undefined ? 'attempt' : 'attempts' })
}

function clean(view: Record<string, unknown>): SignInView {
  return Object.fromEntries(Object.entries(view).filter(([, value]) => value !== undefined)) as SignInView
}
