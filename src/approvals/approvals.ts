import type { Clock } from '../ground/clock.ts'
import { type AgentId, type CallId, newOrderedId } from '../ground/ids.ts'
import type { Actor, Change, Storage, Tx } from '../storage/storage.ts'
import { outcomeOf, takenBack } from './answer.ts'
import { type Ask, Asking } from './asking.ts'
import { Book, standing } from './book.ts'
import type { Changed } from './changed.ts'
import { type Approval, type ApprovalId, approvalProblem, type Verdict, type VerdictBy } from './contract.ts'
import { LaterCalls } from './later/later-calls.ts'
import { LongPolls } from './long-polls.ts'
import { claimsOf } from './receipts/claims.ts'
import { ReceiptKeys } from './receipts/receipt-keys.ts'
import { type KeySealer, Spool } from './spool.ts'
import { getApproval, loadApprovals, putApproval } from './store.ts'
import { settle, sweep, type UpkeepNeeds, withdrawAll } from './upkeep.ts'
import { type TakenUse, takeUse, type Use } from './use-once.ts'
import { Waiters } from './waiters.ts'
import { isWindow, openingOf } from './windows/open-window.ts'
import { Windows } from './windows/windows.ts'

export interface ApprovalsOptions {
  readonly storage: Storage
  readonly clock: Clock
  readonly vault: KeySealer
  /** Folder for the bodies of waiting calls. */
  readonly spoolDir: string
  /** As receipts name the gateway. */
  readonly issuer: () => string
}

/**
 * Whether a human said yes, to *this*.
 *
 * Owns: the table `approvals`, the folder of bodies that wait.
 * Invariant: a yes is bound to the digest of the action that was shown; each use of it is taken in one transaction that
 * compares the digest, and committed before anything is sent. What nobody answers in time is a no.
 * Refuses: an answer that is weaker than the rule wants, a second answer, and to ask more often than people can bear.
 */
export class Approvals {
  readonly #storage: Storage
  readonly #clock: Clock
  readonly #spool: Spool
  readonly #book = new Book()
  readonly #waiters = new Waiters()
  readonly #asking: Asking
  readonly #upkeep: UpkeepNeeds
  readonly #issuer: () => string
  /** What receipts are signed with. */
  readonly receiptKeys: ReceiptKeys
  /** What humans allowed for a while. */
  readonly windows: Windows
  /** What is sent for agents that left. */
  readonly later: LaterCalls
  /** Agents that ask whether there is an answer yet. */
  readonly polls = new LongPolls(this)
  #timer: NodeJS.Timeout | undefined

  constructor({ storage, clock, vault, spoolDir, issuer }: ApprovalsOptions) {
    this.#storage = storage
    this.#clock = clock
    this.#spool = new Spool(spoolDir, vault)
    this.#asking = new Asking({
      clock,
      of: (agent) => this.#of(agent),
      open: (approval, body) => this.#open(approval, body),
    })
    const put: UpkeepNeeds['put'] = (tx, changed) => this.#put(tx, changed)
    this.#upkeep = { storage, clock, book: this.#book, put, change: (id, work) => this.#change(id, work) }
    this.#issuer = issuer
    this.later = new LaterCalls({ ...this.#upkeep, vault, spoolDir })
    this.receiptKeys = new ReceiptKeys({ storage, clock, vault })
    this.windows = new Windows({
      ...{ storage, clock, book: this.#book },
      of: (agent) => this.#of(agent),
      known: (asked) => this.#asking.known(asked),
      put,
      wake: (id) => this.#waiters.wake(id),
    })
    storage.follow((change) => this.#follow(change))
  }

  /** After unsealing. `bad`: ids of rows that are not believed, and so count for nothing. */
  async load(): Promise<{ bad: readonly string[] }> {
    const { approvals, bad } = await loadApprovals(this.#storage)
    this.#book.clear()
    for (const approval of approvals) this.#book.put(approval)
    await this.#spool.sweep(new Set(approvals.filter(hasBody).map(({ id }) => id)))
    await this.later.load(approvals)
    return { bad }
  }

  /** At sealing: nobody waits for what cannot be answered. */
  clear(): void {
    this.#book.clear()
    this.receiptKeys.clear()
    this.#waiters.giveUp()
  }

  /** Looks every second for what has run out, until stop(). */
  start(): void {
    this.#timer ??= setInterval(() => void this.sweep().catch(() => {}), 1_000).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#waiters.giveUp()
  }

  /** Called after the commit of every change of one. A listener must not throw. */
  follow(listener: (approval: Approval, what: string) => void): void {
    this.#waiters.follow(listener)
  }

  /**
   * The approval that counts for the action, opened if there is none: identical ones are one. Durable and recorded when it
   * resolves. Throws Problems `approvals_crowded`, `approvals_cooling_down` (`retryAfterSeconds`), `idempotency_conflict`.
   */
  ask(asked: Ask): Promise<Approval> {
    return this.#asking.ask(asked)
  }

  /** What ask() would give without opening anything; undefined where it would open one. Throws as that does. */
  known(asked: Ask): Approval | undefined {
    return this.#asking.known(asked)
  }

  /** Throws Problem `approval_unknown`. */
  find(id: string): Approval {
    const known = this.#book.get(id)
    if (known === undefined) throw approvalProblem('approval_unknown')
    return standing(known, this.#clock.now())
  }

  /** The oldest first. */
  list(): readonly Approval[] {
    const now = this.#clock.now()
    return Array.from(this.#book.all(), (one) => standing(one, now))
  }

  /** The body that was to be sent; undefined where there is none. Throws Problem `approval_body_lost`, `vault_sealed`. */
  async bodyOf(id: string): Promise<Buffer | undefined> {
    const { digest, bodyKey, id: known } = this.find(id)
    if (bodyKey === undefined) return undefined
    const body = await this.#spool.get(known, digest, bodyKey)
    if (body === undefined) throw approvalProblem('approval_body_lost')
    return body
  }

  /** Resolves once it is not pending any more, after `waitMs`, or when `signal` is aborted: with what it is then. */
  async settled(id: string, waitMs: number, signal?: AbortSignal): Promise<Approval> {
    const { status } = this.find(id)
    if (status === 'pending') await this.#waiters.wait(id, waitMs, signal)
    return this.find(id)
  }

  /**
   * Takes an answer, and makes its receipt. Durable and recorded when it resolves. Throws Problems `approval_unknown`, `approval_already_decided`,
   * `approval_expired`, `approval_too_weak`, `approval_same_person`.
   */
  async decide(id: string, verdict: Verdict['verdict'], by: VerdictBy): Promise<Approval> {
    await this.receiptKeys.ready()
    const now = this.#clock.now()
    return this.#change(id, async (approval) => {
      const given: Verdict = { ...by, verdict, at: now }
      const { next, what, opens } = outcomeOf(approval, given)
      const { operator, assurance, channel } = by
      return {
        ...{ next: this.#withReceipt(next, now, opens?.id), what },
        actor: { kind: 'operator', id: operator },
        ev: { verdict, assurance, channel, window: opens?.id },
        opens: opens && this.#withReceipt(opens, now),
      }
    })
  }

  /** Takes back what is not answered yet. Throws Problems `approval_unknown`, `approval_already_decided`, `approval_expired`. */
  cancel(id: string, by: Actor): Promise<Approval> {
    const now = this.#clock.now()
    return this.#change(id, async (approval) => {
      return { next: takenBack(approval, now), what: 'cancelled', actor: by, ev: {} }
    })
  }

  /** Takes back a yes that is not used up. Durable and recorded when it resolves. Throws Problem `approval_not_standing`. */
  withdraw(id: string, by: Actor): Promise<Approval> {
    const now = this.#clock.now()
    return this.#change(id, async (approval) => {
      if (standing(approval, now).status !== 'approved') throw approvalProblem('approval_not_standing')
      return { next: { ...approval, status: 'cancelled' }, what: 'withdrawn', actor: by, ev: {} }
    })
  }

  /** Nothing that was asked or granted stands any more: in one transaction. */
  withdrawAll(by: Actor): Promise<void> {
    return withdrawAll(this.#upkeep, by)
  }

  /**
   * Takes one use, if the yes is good for exactly this digest: one transaction, committed and recorded when it resolves.
   * False for one that is used up, ran out, or is for something else. `rid`: the call that it is used for, if it is one of ours.
   * `forAgent`: the gateway sends it, which is on disk with the use.
   */
  async consume(id: string, digest: string, rid: CallId | undefined, by: Actor, forAgent = false): Promise<boolean> {
    const taken = await this.take(id, { digest, rid, forAgent }, by)
    await taken?.recorded
    return taken !== undefined
  }

  /** The same, resolved when it is committed: nothing may be done by it before `recorded` resolves. Undefined for none. */
  take(id: string, use: Omit<Use, 'now'>, by: Actor): Promise<TakenUse | undefined> {
    return takeUse(this.#upkeep, id, use, by)
  }

  /** What would have been sent is not what was approved: nothing is, and it is on record. */
  async mismatch(id: string, digest: string, by: Actor): Promise<void> {
    await this.#change(id, async (approval) => ({ next: approval, what: 'mismatch', actor: by, ev: { sent: digest } }))
  }

  /** Those that ran out are said to have; those that ended long ago are forgotten. */
  async sweep(): Promise<void> {
    await sweep(this.#upkeep)
    await this.later.sweep()
  }

  /**
   * At boot: a use that no intent follows was lost in a crash. It is said so and not given back; a human may be asked anew.
   * `recorded` says which of the calls are in the log.
   */
  async settle(recorded: (rids: readonly CallId[]) => Promise<ReadonlySet<string>>): Promise<number> {
    await this.later.settle(recorded)
    return settle(this.#upkeep, recorded)
  }

  #of(agent: AgentId): readonly Approval[] {
    const now = this.#clock.now()
    const own = this.#book.of(agent).filter((one) => !isWindow(one))
    return own.map((one) => standing(one, now))
  }

  #withReceipt<A extends Approval>(decided: A, now: number, window?: string): A {
    if (decided.status === 'pending') return decided
    const claims = claimsOf(decided, this.#issuer(), newOrderedId('rcp', now), window)
    return { ...decided, receipt: this.receiptKeys.make(claims) }
  }

  async #open(approval: Approval, body: Buffer | undefined): Promise<Approval> {
    const { id, digest, agent, token, action } = approval
    const bodyKey = body === undefined || body.length === 0 ? undefined : await this.#spool.put(id, digest, body)
    const opened: Approval = { ...approval, bodyKey }
    try {
      const { assurance, lifeSeconds, uses } = action.terms
      const ev = { agent, assurance, lifeSeconds, uses, kind: action.kind }
      const actor: Actor = { kind: 'agent', id: agent, key: token }
      await this.#storage.write((tx) => this.#put(tx, { next: opened, what: 'opened', actor, ev }))
      return opened
    } catch (error) {
      await this.#spool.remove(id)
      throw error
    }
  }

  async #change(id: string, work: (approval: Approval) => Promise<Changed | undefined>): Promise<Approval> {
    return this.#storage.write(async (tx) => {
      const approval = await getApproval(tx, id as ApprovalId)
      if (approval === undefined) throw approvalProblem('approval_unknown')
      const changed = await work(approval)
      if (changed === undefined) return approval
      await this.#put(tx, changed)
      if (changed.opens !== undefined) await this.#put(tx, openingOf(changed.opens, changed))
      return changed.next
    })
  }

  async #put(tx: Tx, { next, what, actor, ev }: Changed): Promise<void> {
    await putApproval(tx, next)
    const approval = { id: next.id, digest: next.digest }
    const record = { type: `approval.${what}`, actor, approval, ev }
    await tx.change({ kind: 'approval', ref: next.id, after: { next, what }, record })
  }

  #follow({ kind, after }: Change): void {
    if (kind === 'approvals_forgotten') for (const id of after as ApprovalId[]) this.#book.remove(id)
    if (kind !== 'approval') return
    const { next, what } = after as { next: Approval; what: string }
    this.#book.put(next)
    if (next.status !== 'pending' && next.status !== 'approved') void this.#spool.remove(next.id).catch(() => {})
    this.#waiters.tell(next, what)
    if (what === 'window_opened' && isWindow(next)) this.windows.opened(next)
  }
}

const hasBody = ({ bodyKey, status }: Approval) =>
  bodyKey !== undefined && (status === 'pending' || status === 'approved')

export function createApprovals(options: ApprovalsOptions): Approvals {
  return new Approvals(options)
}
