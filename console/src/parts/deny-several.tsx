// One no to many: to all that waits, or to all of one agent. What is denied is what the list shows, by its digests.
import { Problem } from '../api/client.ts'
import { deny } from '../api/passkey.ts'
import type { ApprovalLine } from '../api/types.ts'
import { Row } from './row.tsx'
import { Trouble } from './trouble.tsx'
import { Twice } from './twice.tsx'
import { useTask } from './use-task.ts'
import { plural } from './words.ts'

interface DenySeveralProps {
  readonly of: readonly ApprovalLine[]
  onDenied(): void
}

export function DenySeveral({ of: pending, onDenied }: DenySeveralProps) {
  const { busy, trouble, run } = useTask()
  const denyAll = (these: readonly ApprovalLine[]) =>
    run(async () => {
      try {
        for (const one of these) await denied(one)
      } finally {
        onDenied()
      }
    })
  const agents = byAgent(pending)
  return (
    <details className="several">
      <summary>Deny several at once</summary>
      <Trouble says={trouble} />
      <ul className="rows">
        {agents.map((own) => {
          const { id, name } = (own[0] as ApprovalLine).agent
          return (
            <Row key={id} name={name} quiet={plural(own.length, 'request')}>
              <Twice
                name="Deny"
                sure="Deny them"
                about={`all of ${name}`}
                busy={busy}
                onSure={() => void denyAll(own)}
              />
            </Row>
          )
        })}
        {agents.length > 1 && (
          <Row name="All that waits" quiet={plural(pending.length, 'request')}>
            <Twice
              name="Deny"
              sure="Deny them"
              about="all that waits"
              busy={busy}
              onSure={() => void denyAll(pending)}
            />
          </Row>
        )}
      </ul>
    </details>
  )
}

function byAgent(pending: readonly ApprovalLine[]): readonly (readonly ApprovalLine[])[] {
  const agents = new Map<string, ApprovalLine[]>()
  for (const one of pending) agents.set(one.agent.id, [...(agents.get(one.agent.id) ?? []), one])
  return [...agents.values()]
}

/** Somebody else may have been faster, or its time is over: no yes of ours. */
async function denied(one: ApprovalLine): Promise<void> {
  try {
    await deny(one, '')
  } catch (error) {
    if (!(error instanceof Problem && error.code.startsWith('approval_'))) throw error
  }
}
