// The approvals that wait, kept up to date for every view, and said aloud when one comes.
import { createContext, type ReactNode, useContext, useEffect, useRef, useState } from 'react'
import { ask, wordsOf } from './api/client.ts'
import { followApprovals, type How } from './api/events.ts'
import type { ApprovalLine, Items } from './api/types.ts'
import { plural } from './parts/words.ts'

interface Approvals {
  readonly pending: readonly ApprovalLine[] | undefined
  readonly how: How
  /** Rises whenever something may have changed. */
  readonly round: number
  readonly error: string | undefined
  /** Reads them now. */
  refresh(): void
}

const nothingYet: Approvals = { pending: undefined, how: 'polling', round: 0, error: undefined, refresh: () => {} }
const Context = createContext<Approvals>(nothingYet)

export const useApprovals = () => useContext(Context)

export function ApprovalsProvider({ children }: { readonly children: ReactNode }) {
  const [state, setState] = useState<Approvals>(nothingYet)
  const asked = useRef(0)
  useEffect(() => {
    const refresh = async () => {
      asked.current += 1
      const mine = asked.current
      try {
        const { items } = await ask<Items<ApprovalLine>>('GET', '/approvals?status=pending')
        // An answer that was overtaken says what was, not what is.
        if (mine !== asked.current) return
        setState((was) => ({ ...was, refresh, round: was.round + 1, pending: items, error: undefined }))
      } catch (error) {
        if (mine === asked.current) setState((was) => ({ ...was, error: wordsOf(error) }))
      }
    }
    return followApprovals(
      () => void refresh(),
      (how) => setState((was) => (was.how === how ? was : { ...was, how })),
    )
  }, [])
  return (
    <Context value={state}>
      {children}
      <p className="unseen" role="status">
        {state.pending === undefined ? '' : waiting(state.pending.length)}
      </p>
    </Context>
  )
}

export function waiting(count: number): string {
  return count === 0 ? 'Nothing waits for an answer' : `${plural(count, 'request')} ${count === 1 ? 'waits' : 'wait'}`
}
