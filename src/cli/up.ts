import type { Command } from 'commander'
import { addVerb, type Session } from './verb.ts'

/** `claviger up` (`daemon`, `serve`): the gateway, in the foreground. */
export function upCommand(program: Command, session: Session): void {
  addVerb(program, session, {
    signature: 'up',
    summary: 'run the gateway in the foreground; the first start makes its home. SIGTERM drains',
    aliases: ['daemon', 'serve'],
    async run({ settings }) {
      const checked = settings()
      const { up } = await import('../main.ts')
      return (await up(checked)) as 0
    },
  })
}
