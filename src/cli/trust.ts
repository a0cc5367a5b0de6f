import type { Command } from 'commander'
import { pathOf } from './path-of.ts'
import { cliProblem } from './problems.ts'
import { facts, named, table } from './render.ts'
import { addVerb, type Session, type Verb } from './verb.ts'

const show: Verb = {
  signature: 'show <agent>',
  summary: 'show how far an agent is trusted',
  async run({ args: [agent], operator }) {
    const json = await operator().ask({ method: 'GET', path: pathOf('agents', agent, 'trust') })
    return { json, text: facts(json) }
  },
}

const history: Verb = {
  signature: 'history <agent>',
  summary: 'list every report on an agent, with its reason',
  async run({ args: [agent], operator }) {
    const json = await operator().ask({ method: 'GET', path: pathOf('agents', agent, 'trust', 'reports') })
    const columns = ['id', 'at', 'service', 'score', 'scoreBefore', 'state', 'reason']
    return { json, text: table(json.items.map(named), columns, 'no reports') }
  },
}

const dispute: Verb = {
  signature: 'dispute <report>',
  summary: 'dispute a report: it weighs nothing until it is decided on',
  async run({ args: [id], operator }) {
    const json = await operator().ask({ method: 'POST', path: pathOf('trust-reports', id, 'dispute') })
    return { json, text: facts(json) }
  },
}

const decide: Verb = {
  signature: 'decide <report> <decision>',
  summary: 'keep a disputed report, or drop it for good',
  examples: ['claviger trust decide rpt_… keep', 'claviger trust decide rpt_… drop'],
  async run({ args: [id, decision], operator }) {
    if (decision !== 'keep' && decision !== 'drop') throw cliProblem('usage', { detail: 'Say keep or drop.' })
    const path = pathOf('trust-reports', id, 'decision')
    const json = await operator().ask({ method: 'POST', path, body: { decision } })
    return { json, text: facts(json) }
  },
}

/** `claviger trust show | history | dispute | decide`. */
export function trustCommands(program: Command, session: Session): void {
  const trust = program.command('trust').description('what relying services think of agents, 0 to 10')
  for (const verb of [show, history, dispute, decide]) addVerb(trust, session, verb)
}
