/**
 * Operators as persons: links, passkeys, recovery codes, sessions, and the passkey behind an approval.
 *
 * Owns: passkeys, operator_links and recovery_codes, and the sessions, which are in memory. Invariant: nobody is signed in
 * but by an assertion over a challenge of ours, user verified, at an origin that is an operators' page, by a passkey whose row
 * is authenticated. Refuses: to say what an operator may do (their role is judged in callers.ts); to recognise anybody while
 * the vault is sealed.
 */
import type { OperatorPrincipal } from '../contract.ts'
import type { Room } from '../room.ts'
import { ApprovalProofs } from './approval-proof.ts'
import { Challenges } from './challenges.ts'
import { Members } from './members.ts'
import type { Party } from './party.ts'
import { PeopleBook } from './people-book.ts'
import { PersonSessions } from './person-sessions.ts'
import type { CeremonyAsked, PeopleRoom } from './room.ts'
import { loadPeople } from './store.ts'

const CEREMONY_MS = 5 * 60_000

export class People {
  readonly room: PeopleRoom
  /** People who are no operators. */
  readonly members: Members
  /** What `approvals` asks: a challenge of an approval's digest, and the judgement of its answer. */
  readonly approvals: ApprovalProofs

  constructor(identity: Room, parties: () => readonly Party[], onRefusal: PeopleRoom['onRefusal'] = () => {}) {
    const { storage, clock } = identity
    const pepper = () => identity.pepper().key
    const [book, sessions] = [new PeopleBook(), new PersonSessions(clock, pepper)]
    const [challenges, signIns] = [
      new Challenges<CeremonyAsked>(clock, CEREMONY_MS),
      new Challenges<CeremonyAsked>(clock, CEREMONY_MS),
    ]
    this.room = { identity, storage, clock, book, sessions, challenges, signIns, pepper, parties, onRefusal }
    this.members = new Members(this.room)
    this.approvals = new ApprovalProofs(this.room, clock)
    storage.follow((change) => {
      book.follow(change)
      // What a passkey opened ends with it.
      if (change.kind === 'passkey_removed') sessions.endAll(({ passkey }) => passkey === change.ref)
      if (change.kind === 'operator' && (change.after as { status: string }).status !== 'active')
        sessions.endAll(({ operator }) => operator === change.ref)
    })
  }

  /** Fills the read-model, after the vault was unsealed. `bad`: rows whose MAC does not hold; they are left out. */
  async load(): Promise<{ bad: string[] }> {
    this.clear()
    const [bad, others] = [await loadPeople(this.room.storage, this.room.book), await this.members.load()]
    return { bad: [...bad, ...others] }
  }

  /** Forgets everybody and everything that was asked, when the vault is sealed. */
  clear(): void {
    const { book, sessions, challenges, signIns } = this.room
    for (const model of [book, challenges, signIns, this.approvals, this.members]) model.clear()
    sessions.endAll(() => true)
  }

  /** Which operator is signed in by both halves of a session, at this page. A member is none. */
  recognise(token: string, csrf: string, party: Party): OperatorPrincipal | undefined {
    const session = this.room.sessions.find(token, csrf)
    if (session === undefined || session.party.origin !== party.origin) return undefined
    const operator = this.room.identity.directory.operator(session.operator)
    if (operator?.status !== 'active' || operator.role === 'member') return undefined
    return { kind: 'operator', id: operator.id, operator, token: session.entry, session }
  }
}
