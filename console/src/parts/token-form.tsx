import { useState } from 'react'
import { ask } from '../api/client.ts'
import type { Agent } from '../api/types.ts'
import { visible } from '../visible.ts'
import { Trouble } from './trouble.tsx'
import { useTask } from './use-task.ts'

const DAY_SECONDS = 86_400
const lives = [1, 7, 30, 90, 365]

interface TokenFormProps {
  readonly agents: readonly Agent[]
  onMade(token: string): void
}

export function TokenForm({ agents, onMade }: TokenFormProps) {
  const { busy, trouble, run } = useTask()
  const [agent, setAgent] = useState('')
  const [days, setDays] = useState(30)
  const make = async () => {
    const body = { agent, ttlSeconds: days * DAY_SECONDS }
    const { token } = await ask<{ token: string }>('POST', '/tokens', body)
    onMade(token)
  }
  return (
    <section>
      <h2>Make one</h2>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault()
          void run(make)
        }}
      >
        <label htmlFor="agent">Agent</label>
        <select id="agent" value={agent} required onChange={(event) => setAgent(event.target.value)}>
          <option value="">choose one</option>
          {agents.map(({ id, name }) => (
            <option key={id} value={id}>
              {visible(name)}
            </option>
          ))}
        </select>
        <label htmlFor="days">Good for</label>
        <select id="days" value={days} onChange={(event) => setDays(Number(event.target.value))}>
          {lives.map((life) => (
            <option key={life} value={life}>
              {life === 1 ? 'a day' : `${life} days`}
            </option>
          ))}
        </select>
        <button type="submit" disabled={busy}>
          Make a key
        </button>
        <Trouble says={trouble} />
      </form>
    </section>
  )
}
