/** What the index keeps of a record: enough to find it. The record itself stays in the log. */
export interface IndexRow {
  readonly node: string
  readonly seq: number
  readonly ts: number
  readonly type: string
  readonly rid: string | null
  readonly actor: string | null
  readonly service: string | null
  readonly method: string | null
  readonly path: string | null
  readonly effect: string | null
  readonly rule: string | null
  readonly status: number | null
  readonly approval: string | null
  readonly credential: string | null
  /** What a door calls it. */
  readonly event: string | null
}

export const COLUMNS = [
  'node',
  'seq',
  'ts',
  'type',
  'rid',
  'actor',
  'service',
  'method',
  'path',
  'effect',
  'rule',
  'status',
  'approval',
  'credential',
  'event',
] as const satisfies readonly (keyof IndexRow)[]

interface ParsedRecord {
  readonly node: string
  readonly seq: number
  readonly ts: number
  readonly type: string
  readonly rid?: string
  readonly actor?: { readonly id?: string }
  readonly req?: { readonly service?: string; readonly method?: string; readonly path?: string }
  readonly decision?: { readonly effect?: string; readonly rule?: string }
  readonly outcome?: { readonly status?: number }
  readonly approval?: { readonly id?: string }
  readonly credential?: { readonly id?: string }
  readonly ev?: { readonly event?: unknown }
}

/** Intents whose outcome may still come, so that an outcome is found by agent and service too. */
const MOST_REMEMBERED = 16_384

export class RowMaker {
  readonly #intents = new Map<string, IndexRow>()

  /** The row of one line of the log. */
  row(line: string): IndexRow {
    const record: ParsedRecord = JSON.parse(line)
    const { node, seq, ts, type, rid = null, actor, req, decision, outcome, approval, credential, ev } = record
    const intent = type === 'outcome' && rid !== null ? this.#intents.get(rid) : undefined
    const row = {
      node,
      seq,
      ts,
      type,
      rid,
      actor: actor?.id ?? intent?.actor ?? null,
      service: req?.service ?? intent?.service ?? null,
      method: req?.method ?? intent?.method ?? null,
      path: req?.path ?? intent?.path ?? null,
      effect: decision?.effect ?? null,
      rule: decision?.rule ?? intent?.rule ?? null,
      status: outcome?.status ?? null,
      approval: approval?.id ?? null,
      credential: credential?.id ?? intent?.credential ?? null,
      event: typeof ev?.event === 'string' ? ev.event : null,
    }
    if (type === 'intent' && rid !== null) this.#remember(rid, row)
    else if (intent && rid !== null) this.#intents.delete(rid)
    return row
  }

  #remember(rid: string, row: IndexRow): void {
    this.#intents.set(rid, row)
    if (this.#intents.size <= MOST_REMEMBERED) return
    const oldest = this.#intents.keys().next().value
    if (oldest !== undefined) this.#intents.delete(oldest)
  }
}
