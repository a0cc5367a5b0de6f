import type { OperatorId } from '../../ground/ids.ts'
import { Problem } from '../../ground/problem.ts'
import type { Actor, Storage } from '../../storage/storage.ts'
import type { Approvals } from '../approvals.ts'
import type { ChannelBook } from './channel-book.ts'
import type { ChannelHealth } from './channel-health.ts'
import type { Channel, Tap } from './contract.ts'
import { judgeTap, type TapRefusal } from './judge-tap.ts'
import { hashOf } from './notifier.ts'

export interface AnsweringNeeds {
  readonly storage: Storage
  readonly approvals: Approvals
  readonly book: ChannelBook
  readonly health: ChannelHealth
  /** An operator who may answer approvals now; undefined for anybody else. */
  readonly answererOf: (operator: OperatorId) => { readonly name: string } | undefined
  /** Resolves when no question is on its way. */
  readonly quiesced: () => Promise<void>
}

/** Refused taps that are recorded, since a start: whoever taps without end does not fill the log. */
const MOST_RECORDED = 100

/** Makes an answer of a tap, or says why it is none. Resolves to words for whoever tapped; undefined: not a word. */
export async function answerTap(needs: AnsweringNeeds, channel: Channel, tap: Tap): Promise<string | undefined> {
  const { book, approvals, answererOf } = needs
  const hash = hashOf(tap.secret)
  if (book.byHash(hash) === undefined) await needs.quiesced()
  const judged = judgeTap(tap, hash, book.byHash(hash), channel)
  if ('refused' in judged) {
    await refused(needs, channel, tap, judged.refused)
    return judged.refused === 'foreign' ? undefined : 'This does not count here.'
  }
  const { verdict, person, notice } = judged
  const answerer = answererOf(person.operator)
  if (answerer === undefined) {
    await refused(needs, channel, tap, 'not_an_approver')
    return 'You may not answer approvals any more.'
  }
  try {
    if (approvals.find(notice.approval).digest !== notice.digest) {
      await refused(needs, channel, tap, 'other_action')
      return 'This does not count here.'
    }
    const by = { operator: person.operator, name: answerer.name, assurance: 'tap', channel: 'telegram' } as const
    await approvals.decide(notice.approval, verdict, by)
    return verdict === 'approved' ? 'Approved' : 'Denied'
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return said[error.code] ?? error.title
  }
}

const said: Readonly<Record<string, string>> = {
  approval_already_decided: 'It was answered already.',
  approval_expired: 'Too late: it is over.',
  approval_unknown: 'Too late: it is over.',
  approval_too_weak: 'This one wants a stronger answer: open the page.',
}

async function refused(
  { storage, health }: AnsweringNeeds,
  { id }: Channel,
  tap: Tap,
  why: TapRefusal | 'not_an_approver' | 'other_action',
): Promise<void> {
  const count = health.count(id, why === 'foreign' ? 'foreign' : 'refused')
  // Those of another installation are none of ours: counted, and that is all.
  if (why === 'foreign' || count > MOST_RECORDED) return
  const actor: Actor = { kind: 'system', id: 'claviger' }
  const ev = { channel: id, why, user: tap.user.slice(0, 32), place: tap.place.slice(0, 32) }
  const record = { type: 'approval.tap_refused', actor, ev }
  await storage.write((tx) => tx.change({ kind: 'channel_tap', ref: id, record }))
}
