/**
 * Who tries to sign in, how often, and is that like them? For every way in that takes a proof.
 *
 *   signIns.limits      how often somebody may try: ask before the work, `refuseUnlessOk(signIns.limits.challenge(…))`
 *   signIns.attempt()   what came of it: call once for each attempt, good or bad, refused by a limit or not
 *   signIns.keyReuse()  a key was given for one agent that others have too
 *   signIns.refreshReuse()  a refresh token that was used before
 *
 * Owns: the table sign_in_places and the counters in memory. Invariant: every attempt is in the log, by itself or in a sum
 * with the exact number; what is remembered is bounded whoever comes. It refuses: to decide (a finding is a record and an
 * alert, never a refusal), to wait (none of the above takes longer than a look into memory), to keep a secret, and more
 * of an address than the installation wants kept.
 */
import type { Audit, OtherRecord } from '../../audit/contract.ts'
import type { Clock } from '../../ground/clock.ts'
import type { MinuteSums } from '../../ground/minute-sums.ts'
import type { Storage } from '../../storage/storage.ts'
import { type ClientNetwork, clientNetwork } from './client-network.ts'
import type { Attempt, KeptAddresses } from './contract.ts'
import { dormantAgent } from './dormant.ts'
import { RecentFailures } from './failure-burst.ts'
import type { Finding, Found } from './finding.ts'
import type { GeoIp, Location } from './geoip.ts'
import { type History, type ReadRecords, readHistory } from './history.ts'
import { type LimitSettings, SignInLimits } from './limits.ts'
import { newNetwork } from './new-network.ts'
import type { Past, Sighting } from './place.ts'
import { Places } from './places.ts'
import { Repeats } from './repeats.ts'
import { keyReuse, refreshReuse } from './reuse.ts'
import { type AttemptKind, attemptRecord, attemptSums, findingRecord } from './sign-in-records.ts'
import { geographicAnomaly, impossibleTravel } from './travel.ts'

const DAY_MS = 86_400_000

export interface SignInSettings {
  readonly limits: LimitSettings
  readonly addresses: KeptAddresses
  /** For so long after its first success nothing is new about where an agent comes from. */
  readonly learningDays: number
  /** An agent that was away for so long is noticed when it comes back; 0: never. */
  readonly dormantDays: number
}

export interface SignInOptions {
  readonly storage: Storage
  readonly clock: Clock
  readonly audit: Pick<Audit, 'append' | 'redact'>
  readonly settings: SignInSettings
  readonly geo: GeoIp
  /** Told of each finding, once its record is on the disk or was refused by it. Must not throw. */
  readonly onFinding: (finding: Finding) => void
  /** Reads the log for `history`. */
  readonly records: ReadRecords
  /** Told of what could not be written; nothing else fails because of it. */
  readonly onTrouble?: (error: unknown) => void
}

/** Attempts that stand on a signature of the agent's key, so that failures of them are somebody's guesses at it. */
const PROOFS: ReadonlySet<Attempt['form']> = new Set(['nonce', 'bound', 'jws', 'assertion'])
/** Refused for another reason than the proof, or without looking at it. */
const NOT_JUDGED: ReadonlySet<Attempt['result']> = new Set(['ok', 'inactive', 'rate_limited'])

export class SignIns {
  readonly limits: SignInLimits
  readonly geo: GeoIp
  readonly #options: SignInOptions
  readonly #places: Places
  readonly #failures: RecentFailures
  readonly #repeats: Repeats
  readonly #sums: MinuteSums<AttemptKind>
  readonly #onTrouble: (error: unknown) => void
  readonly #running = new Set<Promise<unknown>>()

  constructor(options: SignInOptions) {
    const { clock, storage, settings, onTrouble = () => {} } = options
    this.#options = options
    this.geo = options.geo
    this.#onTrouble = onTrouble
    this.limits = new SignInLimits(clock, settings.limits)
    this.#places = new Places(storage, onTrouble)
    this.#failures = new RecentFailures(clock)
    this.#repeats = new Repeats(clock)
    this.#sums = attemptSums(clock, (...sum) => this.#record(...sum))
  }

  /** Records an attempt and looks at it. Never waits and never throws. */
  attempt(attempt: Attempt): void {
    const { agent, form, result, rid } = attempt
    const client = clientNetwork(attempt.address)
    const told = this.#sums.admits({ agent, result })
    const location = told || result === 'ok' ? this.#locate(client) : undefined
    if (told) {
      const noticed = { address: this.#kept(client), country: location?.country }
      this.#record(attemptRecord(attempt, noticed), { agent, result }, 1)
    }
    if (agent === undefined) return
    if (result === 'ok' && (PROOFS.has(form) || form === 'refresh')) this.#seen(agent, client, location, rid)
    else if (PROOFS.has(form) && !NOT_JUDGED.has(result))
      this.#tell(agent, this.#failures.add(agent, client.counted), rid)
  }

  /** `others`: ids of the agents that have, or had, this key too. Without any nothing is said. */
  keyReuse(asked: { agent: string; keyThumbprint: string; others: readonly string[]; rid?: string }): void {
    this.#tell(asked.agent, keyReuse(asked.keyThumbprint, asked.others), asked.rid)
  }

  /** `family`: what names the chain of refresh tokens, never a token. */
  refreshReuse(asked: { agent: string; family: string; address: string; rid?: string }): void {
    this.#tell(asked.agent, refreshReuse(asked.family, this.#kept(clientNetwork(asked.address))), asked.rid)
  }

  /** An agent's sign-ins and what was found in them, from the log, newest first. */
  async history(agent: string, limit: number, before?: number): Promise<History> {
    await Promise.all(this.#running)
    return readHistory(this.#options.records, agent, { limit, before })
  }

  /** Networks that are remembered of an agent, newest first: the part of a person's data that stands here. */
  places(agent: string): ReturnType<Places['of']> {
    return this.#places.of(agent)
  }

  /** Erases what is remembered of an agent. Its records stay in the log. Resolves to the number of networks. */
  forget(agent: string): Promise<number> {
    this.#failures.forget(agent)
    return this.#places.forget(agent)
  }

  /** Until everything told so far is recorded and looked at. */
  async settle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  /** Writes what is counted and remembered. To be called before log and database close. */
  async close(): Promise<void> {
    await this.settle()
    // What the log refused is in the sums again, and tried again.
    for (let tries = 0; tries < 3 && this.#sums.pending; tries += 1) {
      this.#sums.flush()
      await this.settle()
    }
    await this.#places.save()
  }

  #seen(agent: string, client: ClientNetwork, location: Location | undefined, rid: string): void {
    const { clock, settings, audit } = this.#options
    const network = settings.addresses === 'none' && !client.local ? audit.redact(client.network) : client.network
    const seen: Sighting = { at: clock.now(), network, location }
    const look = (past: Past) => {
      for (const found of this.#look(past, seen)) this.#tell(agent, found, rid)
    }
    this.#run(this.#places.see(agent, seen, look))
  }

  #look(past: Past, seen: Sighting): (Found | undefined)[] {
    const { learningDays, dormantDays } = this.#options.settings
    return [
      newNetwork(past, seen, learningDays * DAY_MS),
      geographicAnomaly(past.last, seen) ?? impossibleTravel(past.last, seen),
      dormantAgent(past.last, seen, dormantDays),
    ]
  }

  #tell(agent: string, found: Found | undefined, rid: string | undefined): void {
    if (found === undefined || !this.#repeats.isNew(agent, found)) return
    const { type, riskScore, details } = found
    const at = this.#options.clock.now()
    const finding: Finding = { agent, type, riskScore, details, at, ...(rid !== undefined && { rid }) }
    const recorded = this.#options.audit.append(findingRecord(finding)).catch(this.#onTrouble)
    this.#run(recorded.then(() => this.#options.onFinding(finding)))
  }

  /** What the log refuses now is counted, and in a sum later. */
  #record(record: OtherRecord, kind: AttemptKind, count: number): void {
    this.#run(
      this.#options.audit.append(record).catch((error) => {
        this.#sums.add(kind, count)
        this.#onTrouble(error)
      }),
    )
  }

  #run(work: Promise<unknown>): void {
    const running: Promise<unknown> = work.catch(this.#onTrouble).finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  #locate({ local, address }: ClientNetwork): Location | undefined {
    return local ? undefined : this.#options.geo.find(address)
  }

  #kept({ address, network, local }: ClientNetwork): string | undefined {
    const { addresses } = this.#options.settings
    if (local || addresses === 'whole') return address
    return addresses === 'network' ? network : undefined
  }
}
