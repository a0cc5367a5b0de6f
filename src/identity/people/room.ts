import type { KeyObject } from 'node:crypto'
import type { Clock } from '../../ground/clock.ts'
import type { Storage } from '../../storage/storage.ts'
import type { Room } from '../room.ts'
import type { Challenges } from './challenges.ts'
import type { Party } from './party.ts'
import type { PeopleBook } from './people-book.ts'
import type { PersonSessions } from './person-sessions.ts'
import type { Refusal } from './refusals.ts'

/** What somebody was asked to sign, and for what. */
export interface CeremonyAsked {
  readonly purpose: 'enrol' | 'sign-in' | 'verify' | 'add'
  readonly party: Party
  /** Id of the link or session that asked; '' at a sign-in. */
  readonly subject: string
}

/** What the functions of this part work on. */
export interface PeopleRoom {
  readonly identity: Room
  readonly storage: Storage
  readonly clock: Clock
  readonly book: PeopleBook
  readonly sessions: PersonSessions
  /** Of people who are known by a link or a session. */
  readonly challenges: Challenges<CeremonyAsked>
  /** Of whoever comes to sign in: a flood of these drives out none of the others. */
  readonly signIns: Challenges<CeremonyAsked>
  /** Under which what is shown once is kept. Throws Problem `vault_sealed`. */
  readonly pepper: () => KeyObject
  /** Told of each sign-in that was refused. Must not throw. */
  readonly onRefusal: (refusal: Refusal) => void
  /** Where the operators' pages are, the one that links lead to first; none where they are off. */
  readonly parties: () => readonly Party[]
}
