import type { Command } from 'commander'
import { facts } from './render.ts'
import { addVerb, type Session } from './verb.ts'

/** `claviger status`. */
export function statusCommand(program: Command, session: Session): void {
  addVerb(program, session, {
    signature: 'status',
    summary: 'what runs: address, vault, audit log, counts',
    async run({ operator }) {
      const json = await operator().ask({ method: 'GET', path: '/status' })
      return { json, text: facts(json) }
    },
  })
}
