/**
 * Who is asking? Agents, operators, and the opaque tokens that speak for them.
 *
 * Owns: the tables of schema.ts and their read-model. Invariant: nobody is recognised but by a token that this gateway
 * issued, whose row it has authenticated, under the pepper that is in the vault.
 * Refuses: to say what a caller may do; to show a token twice; to recognise anybody while the vault is sealed.
 */
import type { Clock } from '../ground/clock.ts'
import type { OperatorId } from '../ground/ids.ts'
import type { Secret } from '../ground/secret.ts'
import type { Actor, Storage } from '../storage/storage.ts'
import {
  addAgent,
  approveAgent,
  eraseAgent,
  lockAgent,
  requireAgent,
  revokeAgent,
  unlockAgent,
  viewAgent,
} from './agents.ts'
import { followChange } from './changes.ts'
import {
  type AgentEntry,
  type AgentPrincipal,
  type AgentView,
  identityProblem,
  type Principal,
  type TokenEntry,
  type TokenView,
} from './contract.ts'
import { Directory } from './directory.ts'
import { DoorSalts } from './doors/door-salts.ts'
import { KeyRing } from './keys/key-ring.ts'
import { AgentKeys } from './keys/keys.ts'
import { isListenerId, listenerLives } from './listener-token.ts'
import { firstOperator, resetOperatorToken, rotateOperatorToken } from './operators.ts'
import type { PersonalBox } from './personal.ts'
import { Recogniser } from './recogniser.ts'
import type { IdentityRules, Pepper, Room, TokenKeys } from './room.ts'
import { AccessTokens, looksLikeJwt } from './sessions/access-tokens.ts'
import { AgentSessions } from './sessions/agent-sessions.ts'
import { SessionBook } from './sessions/session-book.ts'
import { loadInto, type RowTaker } from './store.ts'
import * as tokens from './tokens.ts'

export interface IdentityOptions {
  readonly storage: Storage
  readonly clock: Clock
  readonly pepper: Pepper
  readonly box: PersonalBox
  /** Signs and checks access tokens. */
  readonly signing: TokenKeys
  /** The gateway's origin, as tokens name it. */
  readonly issuer: () => string
  readonly rules?: Partial<IdentityRules>
  /** Told of each row that load() refuses because its MAC does not hold. */
  readonly onBadRow?: (table: string, id: string) => void
}

export interface IssuedToken {
  readonly view: TokenView
  /** Shown to its owner once; kept by nobody. */
  readonly token: Secret
}

export class Identity {
  readonly #room: Room
  readonly #recogniser: Recogniser
  readonly #onBadRow: (table: string, id: string) => void
  /** Checks signed tokens, of agents that call here and of those that call elsewhere. */
  readonly accessTokens: AccessTokens
  /** The keys by which agents sign in. */
  readonly keys: AgentKeys
  /** What they signed in to. */
  readonly sessions: AgentSessions

  constructor({ storage, clock, pepper, box, signing, issuer, rules, onBadRow }: IdentityOptions) {
    const keys = new KeyRing()
    const directory = new Directory()
    const sessions = new SessionBook(keys, directory, clock)
    const { publicRegistration = false, keyMaxAgeMs, mostSessions = 4_096 } = rules ?? {}
    const given = { storage, clock, pepper, box, signing, issuer, publicRegistration, keyMaxAgeMs, mostSessions }
    this.#room = { ...given, directory, keys, sessions, salts: new DoorSalts(box), keptNames: [] }
    this.#recogniser = new Recogniser(this.#room.directory)
    this.accessTokens = new AccessTokens(this.#room)
    this.keys = new AgentKeys(this.#room)
    this.sessions = new AgentSessions(this.#room, this.accessTokens)
    this.#onBadRow = onBadRow ?? (() => {})
    storage.follow((change) => {
      if (followChange(this.#room, change)) this.#recogniser.forget()
    })
  }

  /** For the other files of the room, and for the doors that open sign-ins. */
  get room(): Room {
    return this.#room
  }

  /**
   * Who presents this token; undefined for anything that is not a token of ours. No SQL, nothing allocated but the hash.
   * The lookups need not be constant-time: they go by hashes under keys the caller does not have, so their timing says
   * nothing about any stored token.
   * An agent's status, its token's status and its expiry are the policy's to judge. No policy is asked for operators, so
   * theirs are judged here. Throws Problem `vault_sealed` while there is no pepper.
   */
  authenticate(presented: string): Principal | undefined {
    if (looksLikeJwt(presented)) return this.accessTokens.recognise(presented)?.principal
    const principal = this.#recognise(presented)?.principal
    if (principal?.kind !== 'operator') return principal
    const live = principal.operator.status === 'active' && this.#isLive(principal)
    return live ? principal : undefined
  }

  /** Whether this agent's token still speaks for it: asked of running calls after each change. */
  isLive(agent: string, token: string): boolean {
    if (isListenerId(token)) return listenerLives(this.#room.directory, agent)
    if (token.startsWith('ses_')) {
      const session = this.#room.sessions.get(token)
      return session?.live === true && session.agent === agent && this.findAgent(agent)?.status === 'active'
    }
    const principal = this.#room.directory.token(token)?.principal
    if (principal?.kind !== 'agent' || principal.agent.id !== agent) return false
    return principal.agent.status === 'active' && this.#isLive(principal)
  }

  /** Whether an agent may act with what it showed, now. Calls ask the policy instead, which explains its answer. */
  mayAct({ agent, token }: AgentPrincipal): boolean {
    return agent.status === 'active' && this.#isLive({ token })
  }

  /**
   * Fills the read-model, after the vault was unsealed. Rows whose MAC does not hold are reported and left out.
   * Throws Problem `vault_sealed` without the key of the rows.
   */
  async load(): Promise<void> {
    const { storage, directory, keys, sessions, salts } = this.#room
    this.clear()
    const revokeAll = (epoch: number) => {
      directory.revokeAll(epoch)
      sessions.revokeAll(epoch)
    }
    const taker: RowTaker = {
      agent: (row) => directory.putAgent(row),
      operator: (row) => directory.putOperator(row),
      token: (row) => directory.putToken(row),
      revokeAll,
      key: (row) => keys.putKey(row),
      invite: (row) => keys.putInvite(row),
      session: (row) => sessions.put(row),
      salt: (row) => salts.put(row),
    }
    const bad = await loadInto(storage, taker, this.#room.box)
    // Somebody tampered with the one row that stops everything: then everything issued so far stays stopped.
    if (bad.get('revocations')?.length) revokeAll(storage.epoch())
    for (const [table, ids] of bad) for (const id of ids) this.#onBadRow(table, id)
  }

  /** Forgets everybody, when the vault is sealed. */
  clear(): void {
    this.#recogniser.forget()
    this.accessTokens.forget()
    for (const model of [this.#room.directory, this.#room.keys, this.#room.sessions, this.#room.salts]) model.clear()
  }

  findAgent(idOrName: string): AgentEntry | undefined {
    return this.#room.directory.agent(idOrName)
  }

  /** Throws Problem `agent_unknown`. */
  requireAgent(idOrName: string): AgentEntry {
    return requireAgent(this.#room.directory.agent(idOrName))
  }

  listAgents(): AgentView[] {
    return Array.from(this.#room.directory.agents(), viewAgent)
  }

  get agentCount(): number {
    return this.#room.directory.agentCount
  }

  /**
   * Whether anybody was ever made operator. The first row that was ever authenticated is an operator's, so this does not
   * ask which rows lie there now: to spoil that one row by hand must not make another operator.
   */
  get hasOperator(): boolean {
    return this.#room.storage.rowCount() > 0
  }

  /** Adds an active agent. Throws Problems `agent_name_invalid`, `agent_name_taken`. */
  addAgent(asked: string | Parameters<typeof addAgent>[1], by: Actor): Promise<AgentEntry> {
    return addAgent(this.#room, typeof asked === 'string' ? { name: asked } : asked, by)
  }

  /** Suspends an agent, by id or name. Throws Problems `agent_unknown`, `agent_revoked`. */
  lockAgent(idOrName: string, by: Actor): Promise<AgentEntry> {
    return lockAgent(this.#room, idOrName, by)
  }

  unlockAgent(idOrName: string, by: Actor): Promise<AgentEntry> {
    return unlockAgent(this.#room, idOrName, by)
  }

  /** Lets an agent in that registered itself. Throws Problem `agent_not_pending`. */
  approveAgent(idOrName: string, by: Actor): Promise<AgentEntry> {
    return approveAgent(this.#room, idOrName, by)
  }

  /** For good. */
  revokeAgent(idOrName: string, by: Actor): Promise<AgentEntry> {
    return revokeAgent(this.#room, idOrName, by)
  }

  /**
   * Issues an agent's API key. `lifeMs` at most 90 days, which is also what it gets if left out.
   * Throws Problems `agent_unknown`, `agent_revoked`, `token_life_invalid`, `token_label_invalid`, `vault_sealed`.
   */
  async issueToken(
    asked: Omit<tokens.NewToken, 'kind' | 'owner'> & { readonly agent: string },
    by: Actor,
  ): Promise<IssuedToken> {
    const { id: owner, status } = this.requireAgent(asked.agent)
    if (status === 'revoked') throw identityProblem('agent_revoked')
    const fresh = tokens.makeToken(this.#room, { ...asked, kind: 'ak', owner })
    await this.#room.storage.write((tx) => tokens.issueInto(tx, fresh.row, by))
    return this.#issued(fresh)
  }

  /** Of one agent (id or name), or of everybody. */
  listTokens(agent?: string): TokenView[] {
    const owner = agent === undefined ? undefined : this.requireAgent(agent).id
    const views: TokenView[] = []
    for (const token of this.#room.directory.tokens()) {
      if (owner === undefined || token.owner === owner) views.push(tokens.viewToken(this.#room, token))
    }
    return views
  }

  /** Revokes one token; twice is no error. Throws Problem `token_unknown`. */
  revokeToken(id: string, by: Actor): Promise<void> {
    return tokens.revokeToken(this.#room, id, by)
  }

  /** Revokes every live token of an agent, by id or name. Resolves to how many there were. */
  revokeTokensOf(agent: string, by: Actor): Promise<number> {
    return tokens.revokeTokensOf(this.#room, this.requireAgent(agent).id, by)
  }

  /** Forgets name, label and e-mail of a revoked agent; its id stays. */
  eraseAgent(idOrName: string, by: Actor): Promise<void> {
    return eraseAgent(this.#room, idOrName, by)
  }

  /** Revokes a token that somebody found and shows. False if it is none of ours; it may be dead already. */
  async revokeLeaked(presented: string): Promise<boolean> {
    const token = this.#recognise(presented)
    if (!token) return false
    const finder: Actor = { kind: 'system', id: 'finder' }
    if (token.status === 'active') await tokens.revoke(this.#room, token, finder, 'leaked')
    return true
  }

  /** Every agent's token issued so far is dead, by one row that survives a restart. Resolves to its epoch. */
  emergencyRevoke(by: Actor): Promise<number> {
    return tokens.revokeEverything(this.#room, by)
  }

  get firstOperator(): OperatorId | undefined {
    return firstOperator(this.#room)
  }

  /** The one valid operator token from now on; makes the operator if there is none. */
  async resetOperatorToken(by: Actor): Promise<IssuedToken> {
    return this.#issued(await resetOperatorToken(this.#room, by))
  }

  /** A new operator token in the place of `old`. Throws Problem `token_unknown`. */
  async rotateOperatorToken(old: string, by: Actor): Promise<IssuedToken> {
    return this.#issued(await rotateOperatorToken(this.#room, old, by))
  }

  #recognise(presented: string) {
    return this.#recogniser.recognise(presented, () => this.#room.pepper().key)
  }

  #isLive({ token }: { readonly token: Pick<TokenEntry, 'status' | 'expiresAt'> }): boolean {
    return token.status === 'active' && this.#room.clock.now() < token.expiresAt
  }

  #issued({ row, token }: tokens.FreshToken): IssuedToken {
    const entry = this.#room.directory.token(row.id)
    if (!entry) throw new TypeError('a token was committed and did not arrive in the read-model')
    return { view: tokens.viewToken(this.#room, entry), token }
  }
}

export function createIdentity(options: IdentityOptions): Identity {
  return new Identity(options)
}
