/**
 * Calls that are sent for an agent once there is a yes, and their answers.
 *
 * Invariant: it is on disk that a call is being sent, in the transaction that takes the yes, before anything of it leaves. What
 * a crash leaves in that state is never sent again. Answers are kept for a bounded time, a bounded number of each agent,
 * sealed like the bodies that wait.
 */
import { join } from 'node:path'
import type { Clock } from '../../ground/clock.ts'
import type { CallId } from '../../ground/ids.ts'
import type { Problem } from '../../ground/problem.ts'
import type { Actor } from '../../storage/storage.ts'
import { type Book, standing } from '../book.ts'
import type { Approval, ApprovalId } from '../contract.ts'
import { type KeySealer, Spool } from '../spool.ts'
import type { UpkeepNeeds } from '../upkeep.ts'
import { type KeptAnswer, type Later, laterProblem } from './contract.ts'

const KEPT_MS = 24 * 3_600_000
const MOST_KEPT_OF_ONE = 32
const SYSTEM: Actor = { kind: 'system', id: 'claviger' }

export interface LaterNeeds extends Pick<UpkeepNeeds, 'change' | 'storage'> {
  readonly clock: Clock
  readonly book: Book
  readonly vault: KeySealer
  /** Folder of the bodies that wait; answers are in one below it. */
  readonly spoolDir: string
}

export class LaterCalls {
  readonly #needs: LaterNeeds
  readonly #answers: Spool

  constructor(needs: LaterNeeds) {
    this.#needs = needs
    this.#answers = new Spool(join(needs.spoolDir, 'answers'), needs.vault, 'approval-answer')
    needs.storage.follow(({ kind, after }) => {
      if (kind !== 'approvals_forgotten') return
      for (const id of after as ApprovalId[]) void this.#answers.remove(id).catch(() => {})
    })
  }

  /** Marks a call that nobody waits for. Durable and recorded when it resolves; what is answered or marked stays as it is. */
  ask(id: string, token: string, by: Actor): Promise<Approval> {
    const { clock, change } = this.#needs
    const now = clock.now()
    return change(id, async (approval) => {
      const { status } = standing(approval, now)
      if (approval.later !== undefined || (status !== 'pending' && status !== 'approved')) return undefined
      return { next: { ...approval, later: { state: 'waits', token } }, what: 'send_asked', actor: by, ev: {} }
    })
  }

  /** Those that have their yes and wait to be sent, the oldest first. */
  due(): readonly Approval[] {
    const now = this.#needs.clock.now()
    const waiting = Array.from(this.#needs.book.all()).filter(({ later }) => later?.state === 'waits')
    return waiting.filter((one) => standing(one, now).status === 'approved')
  }

  /** Keeps the answer. Durable and recorded when it resolves. */
  async keep(id: ApprovalId, { status, headers, body }: KeptAnswer): Promise<void> {
    const { book, change, clock } = this.#needs
    const digest = book.get(id)?.digest ?? ''
    const text = JSON.stringify({ status, headers, base64: body.toString('base64') })
    const answerKey = await this.#answers.put(id, digest, Buffer.from(text))
    try {
      await change(id, async (approval) => {
        const later = { ...laterOf(approval), state: 'answered', at: clock.now() } as const
        const ev = { rid: later.rid, answer: status, bytes: body.length }
        return { next: { ...approval, later, answerKey }, what: 'sent', actor: SYSTEM, ev }
      })
    } catch (error) {
      await this.#answers.remove(id)
      throw error
    }
    const own = [...book.of((book.get(id) as Approval).agent)]
    await this.#forget(own.filter(isKept).slice(0, -MOST_KEPT_OF_ONE))
  }

  /** It was not sent, or was and there is no answer. Durable and recorded when it resolves. */
  async over(id: string, code: string): Promise<void> {
    await this.#needs.change(id, async (approval) => {
      const { state } = laterOf(approval)
      if (state !== 'waits' && state !== 'sending') return undefined
      return this.#over(approval, state === 'waits' ? 'not_sent' : 'failed', code)
    })
  }

  /** Throws Problems `answer_not_yet`, `answer_none` (`became`, `sending`, `reason`), `answer_forgotten`, `vault_sealed`. */
  async answerOf({ id, digest, status, later, answerKey }: Approval): Promise<KeptAnswer & { readonly at: number }> {
    const waits = later?.state === 'waits' || later?.state === 'sending'
    const runs = status === 'pending' || status === 'approved' || later?.state === 'sending'
    if (waits && runs) throw laterProblem('answer_not_yet', { facts: { retryAfterSeconds: 2 } })
    if (later?.state === 'forgotten') throw laterProblem('answer_forgotten')
    if (later?.state !== 'answered' || answerKey === undefined) throw noneOf(status, later)
    const bytes = await this.#answers.get(id, digest, answerKey)
    if (bytes === undefined) throw laterProblem('answer_forgotten')
    const { base64, ...head } = JSON.parse(bytes.toString()) as Omit<KeptAnswer, 'body'> & { base64: string }
    return { ...head, body: Buffer.from(base64, 'base64'), at: later.at ?? 0 }
  }

  /** Forgets answers that were kept for their time. */
  async sweep(): Promise<void> {
    const now = this.#needs.clock.now()
    const all = Array.from(this.#needs.book.all())
    await this.#forget(all.filter((one) => isKept(one) && now - (one.later?.at ?? 0) > KEPT_MS))
  }

  /** At boot: the files that are kept for, and no other. */
  load(approvals: readonly Approval[]): Promise<void> {
    return this.#answers.sweep(new Set(approvals.filter(isKept).map(({ id }) => id)))
  }

  /** At boot: what was being sent when the process ended is not sent again. `recorded` says which calls are in the log. */
  async settle(recorded: (rids: readonly CallId[]) => Promise<ReadonlySet<string>>): Promise<void> {
    const cut = Array.from(this.#needs.book.all()).filter(({ later }) => later?.state === 'sending')
    if (cut.length === 0) return
    const known = await recorded(cut.map(({ later }) => later?.rid as CallId))
    for (const { id, later } of cut) {
      const [state, code] = known.has(later?.rid ?? '') ? (['failed', 'outcome_unknown'] as const) : lost
      await this.#needs.change(id, async (approval) =>
        laterOf(approval).state === 'sending' ? this.#over(approval, state, code) : undefined,
      )
    }
  }

  #over(approval: Approval, state: 'not_sent' | 'failed', code: string) {
    const later = { ...laterOf(approval), state, code, at: this.#needs.clock.now() }
    return { next: { ...approval, later }, what: state, actor: SYSTEM, ev: { rid: later.rid, code } }
  }

  async #forget(these: readonly Approval[]): Promise<void> {
    const { change } = this.#needs
    for (const { id } of these) {
      await change(id, async (approval) => {
        const next: Approval = {
          ...approval,
          later: { ...laterOf(approval), state: 'forgotten' },
          answerKey: undefined,
        }
        return { next, what: 'answer_forgotten', actor: SYSTEM, ev: {} }
      })
      await this.#answers.remove(id)
    }
  }
}

/** What became of the approval and of the call, in names that no member of a problem has. */
function noneOf(became: Approval['status'], later: Later | undefined): Problem {
  const { state: sending, code: reason } = later ?? {}
  return laterProblem('answer_none', {
    facts: { became, ...(sending !== undefined && { sending }), ...(reason !== undefined && { reason }) },
  })
}

/** Nothing of it left: no intent is in the log. */
const lost = ['not_sent', 'send_lost'] as const
const isKept = ({ later }: Approval) => later?.state === 'answered'

function laterOf({ later }: Approval): Later {
  if (later === undefined) throw new TypeError('approvals: nobody asked for the call to be sent')
  return later
}
