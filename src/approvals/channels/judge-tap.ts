// Whether a tap is an answer (THREATS G-04, G-12). Pure: every fact that Telegram gives of it must be that of the message
// which was sent to this person for this approval.
import type { Channel, Notice, Person, Tap } from './contract.ts'

export type TapRefusal = 'foreign' | 'other_channel' | 'other_person' | 'other_chat' | 'other_message' | 'altered'

export type Judged =
  | { readonly verdict: 'approved' | 'denied'; readonly person: Person; readonly notice: Notice }
  | { readonly refused: TapRefusal }

/** `hash`: of the secret that the tap shows; `notice`: the one that has it, if any has. */
export function judgeTap(tap: Tap, hash: string, notice: Notice | undefined, channel: Channel): Judged {
  if (notice === undefined) return { refused: 'foreign' }
  if (notice.channel !== channel.id) return { refused: 'other_channel' }
  const person = channel.people.find(({ user }) => user === tap.user)
  if (person === undefined || tap.user !== notice.user) return { refused: 'other_person' }
  if (tap.place !== notice.place || tap.place !== person.place) return { refused: 'other_chat' }
  if (tap.message !== notice.message || tap.dated !== notice.dated) return { refused: 'other_message' }
  if (tap.altered) return { refused: 'altered' }
  if (hash === notice.yes) return { verdict: 'approved', person, notice }
  if (hash === notice.no) return { verdict: 'denied', person, notice }
  return { refused: 'foreign' }
}
