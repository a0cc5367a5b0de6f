// What changes of a channel make of it. Pure.
import { type Channel, type ChannelEdit, channelProblem, type Person } from './contract.ts'

export type Edit = (before: Channel) => Channel

export const retimed =
  ({ quiet, afterSeconds }: ChannelEdit): Edit =>
  (before) => ({
    ...before,
    quiet: quiet === undefined ? before.quiet : (quiet ?? undefined),
    afterSeconds: afterSeconds === undefined ? before.afterSeconds : (afterSeconds ?? undefined),
  })

/** In place of whoever had this id there. */
export const joinedBy =
  (person: Person): Edit =>
  (before) => ({ ...before, people: [...before.people.filter(({ user }) => user !== person.user), person] })

/** Throws Problem `channel_person_unknown`. */
export const leftBy =
  (user: string): Edit =>
  (before) => {
    const people = before.people.filter((one) => one.user !== user)
    if (people.length === before.people.length) throw channelProblem('channel_person_unknown')
    return { ...before, people }
  }
