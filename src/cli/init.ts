import type { Command } from 'commander'
import { facts } from './render.ts'
import { addVerb, type Session } from './verb.ts'

/** `claviger init`: makes a home without starting a gateway. */
export function initCommand(program: Command, session: Session): void {
  addVerb(program, session, {
    signature: 'init',
    summary: 'make a home: keys, database, the operator token (printed once); starts nothing',
    async run({ settings }) {
      const checked = settings()
      const { init } = await import('../main.ts')
      const json = await init(checked)
      return { json, text: facts({ ...json }) }
    },
  })
}
