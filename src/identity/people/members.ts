/**
 * Members: people who are no operators. Each has agents of their own at one door, and answers what those ask; their role
 * suffices for nothing that any endpoint wants. They have passkeys, sessions and recovery codes as operators have.
 *
 * Owns: member_requests, and the rows of members among the operators'. Invariant: an address is a member's once somebody
 * proved that it is theirs, by an operator's invite to it or by a code that was sent there; until then it is nobody's, and
 * whoever proves it first has it. Refuses: to make an operator of a member, or a member of an operator.
 */
import { sameMac } from '../../crypto/mac.ts'
import { newToken, storedForm } from '../../crypto/tokens.ts'
import { newId, type OperatorId } from '../../ground/ids.ts'
import type { Actor, Change, Tx } from '../../storage/storage.ts'
import type { OperatorEntry } from '../contract.ts'
import { type OperatorRow, operatorNameTaken, putOperator } from '../store.ts'
import { peopleProblem } from './contract.ts'
import { codeText, readCode } from './member-code.ts'
import type { PeopleRoom } from './room.ts'
import {
  dropMemberRequest,
  getMemberRequest,
  loadMemberRequests,
  type MemberRequestRow,
  putMemberRequest,
} from './store.ts'

const INVITE_LIFE_MS = 24 * 3_600_000
/** For so long an address that nobody proved is remembered. */
const REQUEST_LIFE_MS = 24 * 3_600_000
/** Whoever registers may be nobody. */
const MOST_REQUESTS = 1_000
const MOST_TRIES = 5
const INVITE = 'member-invite'
const CODE = 'member-code'

export class Members {
  readonly #room: PeopleRoom
  readonly #requests = new Map<string, MemberRequestRow>()
  /** Codes that were wrong, by the request. */
  readonly #tries = new Map<string, number>()

  constructor(room: PeopleRoom) {
    this.#room = room
    room.storage.follow((change) => this.#follow(change))
  }

  async load(): Promise<string[]> {
    this.clear()
    return loadMemberRequests(this.#room.storage, (row) => void this.#requests.set(row.id, row))
  }

  clear(): void {
    this.#requests.clear()
    this.#tries.clear()
  }

  /** What is open, the oldest first. */
  requests(): readonly MemberRequestRow[] {
    const now = this.#room.clock.now()
    return [...this.#requests.values()].filter((row) => now < row.expires_at)
  }

  members(): readonly OperatorEntry[] {
    const all = [...this.#room.identity.directory.operators()]
    return all.filter(({ role, status }) => role === 'member' && status === 'active')
  }

  /** By address or id. Throws Problem `member_unknown`. */
  demand(name: string): OperatorEntry {
    const wanted = name.toLowerCase()
    const found = this.members().find((member) => member.id === name || member.name === wanted)
    if (found === undefined) throw peopleProblem('member_unknown')
    return found
  }

  /** Good once, for a day, for whoever has that address, a member who lost their passkeys too; those before it are over. */
  async invite(address: string, by: Actor): Promise<{ readonly invite: string; readonly expiresAt: number }> {
    const email = address.toLowerCase()
    const invite = newToken('iv').token.reveal().toString('latin1')
    const now = this.#room.clock.now()
    const hash = storedForm(this.#room.pepper(), INVITE, invite)
    const row = requestRow({ email, kind: 'invited', hash, created_at: now, expires_at: now + INVITE_LIFE_MS })
    await this.#room.storage.write(async (tx) => {
      for (const old of this.#of(email, 'invited')) await dropInto(tx, old, by, 'member.invite_replaced')
      await putInto(tx, row, by, 'member.invited')
    })
    return { invite, expiresAt: row.expires_at }
  }

  /** Whoever has the invite has the address: a new member, or the one who is there. Throws Problem `member_invite_invalid`. */
  async join(address: string, invite: string, displayName?: string): Promise<OperatorEntry> {
    const email = address.toLowerCase()
    const hash = storedForm(this.#room.pepper(), INVITE, invite)
    const found = this.requests().find((row) => row.hash !== null && sameMac(row.hash, hash))
    if (found?.kind !== 'invited' || found.email !== email) throw peopleProblem('member_invite_invalid')
    const known = this.members().find(({ name }) => name === email)
    if (known === undefined)
      return this.#become({ ...found, display_name: displayName ?? null }, 'member_invite_invalid')
    await this.#room.storage.write(async (tx) => {
      if ((await getMemberRequest(tx, found.id)) === undefined) throw peopleProblem('member_invite_invalid')
      await dropInto(tx, found, { kind: 'operator', id: known.id, key: found.id }, 'member.came_back')
    })
    return known
  }

  /** Remembers an address that nobody proved yet. Throws Problems `member_address_taken`, `members_crowded`. */
  async ask(address: string, displayName?: string): Promise<MemberRequestRow> {
    const email = address.toLowerCase()
    const { clock, storage } = this.#room
    const now = clock.now()
    const row = requestRow({
      email,
      kind: 'registered',
      hash: null,
      display_name: displayName ?? null,
      created_at: now,
      expires_at: now + REQUEST_LIFE_MS,
    })
    await storage.write(async (tx) => {
      if (await operatorNameTaken(tx, email)) throw peopleProblem('member_address_taken')
      const over = [...this.#requests.values()].filter((one) => one.expires_at <= now)
      for (const old of over) await dropInto(tx, old, GATEWAY, 'member.request_forgotten')
      if (this.#requests.size - over.length >= MOST_REQUESTS) throw peopleProblem('members_crowded')
      await putInto(tx, row, { kind: 'system', id: row.id }, 'member.registered')
    })
    return row
  }

  request(id: string): MemberRequestRow | undefined {
    return this.requests().find((row) => row.id === id)
  }

  /** For an operator, who sends it to the address. By address or id; the newest. Throws Problem `member_unknown`. */
  async showCode(name: string, by: Actor): Promise<{ readonly request: MemberRequestRow; readonly code: string }> {
    const [id, email] = [name, name.toLowerCase()]
    const fits = (row: MemberRequestRow) => row.kind === 'registered' && (row.id === id || row.email === email)
    const request = this.requests().findLast(fits)
    if (request === undefined) throw peopleProblem('member_unknown')
    const ev = { what: 'member.code_shown', request: request.id }
    await this.#room.storage.write((tx) =>
      tx.change({ kind: 'member_code_shown', ref: request.id, record: { type: 'auth', actor: by, ev } }),
    )
    return { request, code: this.codeOf(request.id) }
  }

  /** What goes to the address. It is made of the request's id and kept nowhere. */
  codeOf(id: string): string {
    return codeText(storedForm(this.#room.pepper(), CODE, id))
  }

  /** Throws Problems `member_code_invalid` (five of them end the request), `member_address_taken`. */
  async prove(id: string, code: string): Promise<OperatorEntry> {
    const found = this.request(id)
    if (found?.kind !== 'registered') throw peopleProblem('member_code_invalid')
    const good = sameMac(Buffer.from(readCode(this.codeOf(id))), Buffer.from(readCode(code)))
    if (good) return this.#become(found, 'member_code_invalid')
    const tries = (this.#tries.get(id) ?? 0) + 1
    this.#tries.set(id, tries)
    if (tries >= MOST_TRIES) await this.#room.storage.write((tx) => dropInto(tx, found, GATEWAY, 'member.code_guessed'))
    throw peopleProblem('member_code_invalid')
  }

  /** For good: nothing signs in as them, and the address may be somebody's again. Throws Problem `member_unknown`. */
  async remove(name: string, by: Actor): Promise<OperatorEntry> {
    const { id, name: email, createdAt } = this.demand(name)
    const row: OperatorRow = {
      ...{ id, role: 'member', status: 'revoked' },
      name: `removed-${id}`,
      created_at: createdAt,
    }
    await this.#room.storage.write(
      async (tx) => {
        const ev = { what: 'member.removed', member: id }
        await tx.change({ kind: 'operator', ref: id, after: row, record: { type: 'revoke', actor: by, ev } })
        await putOperator(tx, row)
        for (const old of this.#of(email)) await dropInto(tx, old, by, 'member.request_forgotten')
      },
      { urgent: true },
    )
    return this.#room.identity.directory.operator(id) as OperatorEntry
  }

  async #become(
    request: MemberRequestRow,
    gone: 'member_invite_invalid' | 'member_code_invalid',
  ): Promise<OperatorEntry> {
    const { identity, storage, clock } = this.#room
    const id = newId('op') as OperatorId
    const row: OperatorRow = {
      ...{ id, name: request.email, role: 'member', status: 'active', created_at: clock.now() },
      display_name: request.display_name ?? null,
    }
    const by: Actor = { kind: 'operator', id, key: request.id }
    await storage.write(async (tx) => {
      // Asked of the transaction: an invite and a code are good once, and an address is one member's.
      if ((await getMemberRequest(tx, request.id)) === undefined) throw peopleProblem(gone)
      if (await operatorNameTaken(tx, row.name)) throw peopleProblem('member_address_taken')
      const ev = { what: 'member.added', member: id, request: request.id }
      await tx.change({ kind: 'operator', ref: id, after: row, record: { type: 'auth', actor: by, ev } })
      await putOperator(tx, row)
      for (const old of this.#of(row.name)) await dropInto(tx, old, by, 'member.request_over')
    })
    return identity.directory.operator(id) as OperatorEntry
  }

  #of(email: string, kind?: MemberRequestRow['kind']): MemberRequestRow[] {
    const fits = (row: MemberRequestRow) => row.email === email && (kind === undefined || row.kind === kind)
    return [...this.#requests.values()].filter(fits)
  }

  #follow({ kind, ref, after }: Change): void {
    if (kind === 'member_request') this.#requests.set(ref, after as MemberRequestRow)
    if (kind !== 'member_request_gone') return
    this.#requests.delete(ref)
    this.#tries.delete(ref)
  }
}

const GATEWAY: Actor = { kind: 'system', id: 'claviger' }

function requestRow(given: Omit<MemberRequestRow, 'id'>): MemberRequestRow {
  return { id: newId('reg'), ...given }
}

/** The record names no address: nothing is ever taken out of the log. */
async function putInto(tx: Tx, row: MemberRequestRow, by: Actor, what: string): Promise<void> {
  const ev = { what, request: row.id, expiresAt: row.expires_at }
  await tx.change({ kind: 'member_request', ref: row.id, after: row, record: { type: 'auth', actor: by, ev } })
  await putMemberRequest(tx, row)
}

async function dropInto(tx: Tx, { id }: MemberRequestRow, by: Actor, what: string): Promise<void> {
  const ev = { what, request: id }
  await tx.change({ kind: 'member_request_gone', ref: id, record: { type: 'auth', actor: by, ev } })
  await dropMemberRequest(tx, id)
}
