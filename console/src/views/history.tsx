import { useMemo, useState } from 'react'
import type { ApprovalLine, Items, Status } from '../api/types.ts'
import { useApprovals } from '../approvals.tsx'
import { ApprovalCard } from '../parts/approval-card.tsx'
import { Title } from '../parts/title.tsx'
import { Trouble } from '../parts/trouble.tsx'
import { useLoad } from '../parts/use-load.ts'
import { plural } from '../parts/words.ts'

const PAGE = 50
const kinds: readonly (readonly [Status | '', string])[] = [
  ['', 'all'],
  ['approved', 'approved'],
  ['consumed', 'approved and done'],
  ['denied', 'denied'],
  ['expired', 'expired'],
  ['cancelled', 'taken back'],
]

export function HistoryView() {
  const { round } = useApprovals()
  const [status, setStatus] = useState<Status | ''>('')
  const [words, setWords] = useState('')
  const [most, setMost] = useState(PAGE)
  const { value, trouble } = useLoad<Items<ApprovalLine>>(
    `/approvals${status === '' ? '' : `?status=${status}`}`,
    round,
  )
  const fitting = useMemo(() => fits(value?.items ?? [], words), [value, words])
  return (
    <>
      <Title>History</Title>
      <search className="filters">
        <label>
          Outcome
          <select value={status} onChange={(event) => setStatus(event.target.value as Status | '')}>
            {kinds.map(([kind, name]) => (
              <option key={kind} value={kind}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label>
          Agent, address or person
          <input type="search" value={words} onChange={(event) => setWords(event.target.value)} />
        </label>
      </search>
      <Trouble says={trouble} />
      {value !== undefined && (
        <p className="quiet" role="status">
          {plural(fitting.length, 'answer')}.
        </p>
      )}
      <ul className="cards">
        {fitting.slice(0, most).map((one) => (
          <li key={one.id}>
            <ApprovalCard of={one} />
          </li>
        ))}
      </ul>
      {fitting.length > most && (
        <button type="button" className="wide" onClick={() => setMost(most + PAGE)}>
          Show more
        </button>
      )}
    </>
  )
}

function fits(items: readonly ApprovalLine[], words: string): readonly ApprovalLine[] {
  const wanted = words.trim().toLowerCase()
  return items.filter(({ status, agent, says, decidedBy, reason }) => {
    if (status === 'pending') return false
    return [agent.name, says, decidedBy ?? '', reason ?? ''].some((text) => text.toLowerCase().includes(wanted))
  })
}
