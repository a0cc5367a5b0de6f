import type { Command } from 'commander'
import { exitCode } from './exit-codes.ts'
import type { Finding } from './finding.ts'
import { addVerb, type Session } from './verb.ts'

const marks: Readonly<Record<Finding['state'], string>> = { ok: 'ok  ', note: 'note', bad: 'BAD ' }

/** `claviger doctor`: looks, repairs nothing. */
export function doctorCommand(program: Command, session: Session): void {
  addVerb(program, session, {
    signature: 'doctor',
    summary:
      'look at Node, certificate, home, key file, port, socket, witness and disk, and say what is wrong; repairs nothing',
    async run({ terminal, options }) {
      const { examine } = await import('./examine.ts')
      const findings = await examine(terminal, options.envFile)
      const lines = findings.flatMap(({ state, about, says, hint }) => {
        const line = `${marks[state]}  ${about.padEnd(9)}  ${says}`
        return hint === undefined ? [line] : [line, `${' '.repeat(17)}${hint}`]
      })
      const bad = findings.filter(({ state }) => state === 'bad').length
      lines.push('', bad === 0 ? 'nothing is broken' : bad === 1 ? '1 thing is broken' : `${bad} things are broken`)
      return { json: { items: findings }, text: lines.join('\n'), code: bad === 0 ? exitCode.ok : exitCode.config }
    },
  })
}
