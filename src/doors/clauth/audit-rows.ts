// The house's records as lines of Clauth's audit file (§5): the same events and outcomes, chained as the original chains
// them. It is a view for tools that read that file; what proves anything is the house's own log.
import { createHash } from 'node:crypto'

/** A record of the log, as far as it is looked at. */
export interface LoggedRecord {
  readonly ts: number
  readonly type: string
  readonly rid?: string
  readonly actor?: { readonly id: string }
  readonly req?: {
    readonly service: string
    readonly method: string
    readonly origin?: string
    readonly path?: string
    readonly query?: string
  }
  readonly decision?: { readonly rule?: string; readonly reasons?: readonly string[] }
  readonly outcome?: { readonly status: number; readonly error?: string }
  readonly ev?: Readonly<Record<string, unknown>>
}

interface Event {
  readonly event: string
  readonly outcome: string
  readonly skillId?: unknown
  readonly provider?: unknown
  readonly scope?: unknown
  readonly endpoint?: string
  readonly method?: string
  readonly statusCode?: number
  readonly details?: Readonly<Record<string, unknown>>
}

const GENESIS = 'GENESIS'
/** Records of the house that are one event of the original each, by `type` or by what they say happened. */
const simple: Readonly<Record<string, readonly [event: string, outcome: string]>> = {
  'secret.stored': ['credential.store', 'ok'],
  'secret.rotated': ['credential.store', 'ok'],
  'secret.renewed': ['credential.store', 'oauth_refresh_ok'],
  'secret.needs_reauth': ['credential.store', 'oauth_refresh_failed'],
  'secret.renewal_failed': ['credential.store', 'oauth_refresh_error'],
  'secret.removed': ['credential.delete', 'ok'],
  'grant.added': ['grant.create', 'ok'],
  'grant.revoked': ['grant.revoke', 'ok'],
  'emergency.revoked': ['grant.emergency_revoke', 'ok'],
  'token.issued': ['skill_token.issue', 'ok'],
  'token.revoked': ['skill_token.revoke', 'ok'],
  'session.opened': ['session_token.issue', 'ok'],
  'session.revoked': ['session_token.revoke', 'ok'],
  boot: ['daemon.start', 'ok'],
}

/** Reads records in their order, and gives the lines. */
export class ClauthLines {
  #prevHash = GENESIS
  readonly #open = new Map<string, LoggedRecord>()
  /** What ids are called: the log says it when they come. */
  readonly #names = new Map<string, unknown>()
  readonly #scopes = new Map<string, unknown>()

  /** The lines that this record makes, without line feeds: none for what the original does not know. */
  take(record: LoggedRecord): string[] {
    this.#learn(record)
    const { type, rid = '' } = record
    if (type === 'intent') {
      this.#open.set(rid, record)
      return []
    }
    if (type !== 'outcome') return this.#lines(record.ts, this.#eventOf(record))
    const intent = this.#open.get(rid)
    this.#open.delete(rid)
    return intent === undefined ? [] : this.#lines(record.ts, this.#callOf(intent, record.outcome))
  }

  /** Calls that have no outcome: it is not known what became of them. */
  rest(): string[] {
    return [...this.#open.values()].flatMap((intent) => this.#lines(intent.ts, this.#callOf(intent, undefined)))
  }

  #learn({ ev = {} }: LoggedRecord): void {
    const { what, agent, name, id, service, label, scopes } = ev
    if (what === 'agent.added') this.#names.set(String(agent), name)
    if (String(what).startsWith('service.')) this.#names.set(String(id), service)
    if (what === 'grant.added') this.#scopes.set(String(id), label ?? scopes)
  }

  #eventOf(record: LoggedRecord): Event | undefined {
    if (record.type === 'deny') return this.#denialOf(record)
    const { what, agent, owner, service, handle } = record.ev ?? {}
    const [event, outcome] = simple[String(what)] ?? simple[record.type] ?? []
    if (event === undefined || outcome === undefined) return undefined
    const whose = agent ?? owner
    const scope = record.ev?.id === undefined ? undefined : this.#scopes.get(String(record.ev.id))
    const details = handle === undefined ? undefined : { handle }
    return {
      event,
      skillId: this.#called(whose),
      provider: this.#called(service),
      scope,
      outcome,
      ...(details && { details }),
    }
  }

  #callOf({ actor, req, decision }: LoggedRecord, outcome: LoggedRecord['outcome']): Event {
    const failed = outcome === undefined ? 'outcome_unknown' : outcome.error
    return {
      event: failed === undefined ? 'proxy.allow' : 'proxy.error',
      skillId: this.#called(actor?.id),
      provider: req?.service,
      scope: this.#scopes.get(decision?.rule ?? ''),
      endpoint: endpointOf(req),
      ...(req && { method: req.method }),
      outcome: failed === undefined ? 'ok' : 'error',
      ...(outcome !== undefined && outcome.status > 0 && { statusCode: outcome.status }),
      ...(failed !== undefined && { details: { error: failed } }),
    }
  }

  #denialOf({ actor, req, decision, ev }: LoggedRecord): Event {
    const [reason = 'denied'] = decision?.reasons ?? []
    const unknown = reason === 'unauthenticated'
    const count = ev?.count
    return {
      event: 'proxy.deny',
      skillId: this.#called(actor?.id),
      provider: req?.service,
      ...(req && { endpoint: endpointOf(req), method: req.method }),
      outcome: unknown ? 'skill_auth_failed' : 'scope_denied',
      details: { reason: unknown ? 'invalid_skill_token' : reason, ...(count !== undefined && { count }) },
    }
  }

  #called(id: unknown): unknown {
    return id === undefined ? undefined : (this.#names.get(String(id)) ?? id)
  }

  /** Members in the original's order, then the hash of the line before, then the line's own. */
  #lines(ts: number, event: Event | undefined): string[] {
    if (event === undefined) return []
    const { event: name, skillId, provider, scope, endpoint, method, outcome, statusCode, details } = event
    const told = {
      ts: new Date(ts).toISOString(),
      event: name,
      skillId,
      provider,
      scope,
      endpoint,
      method,
      outcome,
      statusCode,
      details,
    }
    const text = JSON.stringify({ ...told, prevHash: this.#prevHash })
    this.#prevHash = createHash('sha256').update(text).digest('hex')
    return [`${text.slice(0, -1)},"hash":"${this.#prevHash}"}`]
  }
}

/** Without the values of the query (CL-15). */
function endpointOf({ origin = '', path = '', query = '' }: Partial<NonNullable<LoggedRecord['req']>> = {}): string {
  const names = query.split('&').map((pair) => (pair.includes('=') ? `${pair.split('=', 1)[0]}=[REDACTED]` : pair))
  return `${origin}${path}${query === '' ? '' : `?${names.join('&')}`}`
}
