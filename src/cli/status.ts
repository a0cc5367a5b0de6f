import type { Command } from 'commander'
import { Problem } from '../ground/problem.ts'
import { facts } from './render.ts'
import { addVerb, type Session } from './verb.ts'

/** `claviger status`. */
export function statusCommand(program: Command, session: Session): void {
  addVerb(program, session, {
    signature: 'status',
    summary: 'what runs: address, vault, audit log, counts',
    async run({ operator }) {
      const client = operator()
      const json = await client.ask({ method: 'GET', path: '/status' }).catch(async (error: unknown) => {
        // Sealed, the gateway knows no operator: it says to anyone that it is sealed and why, and nothing else.
        if (!(error instanceof Problem && error.code === 'vault_sealed')) throw error
        return { ...(await client.ask({ method: 'GET', path: '/health' })), reason: error.facts.reason }
      })
      return { json, text: facts(json) }
    },
  })
}
