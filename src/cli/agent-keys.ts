import type { Command } from 'commander'
import { pathOf } from './path-of.ts'
import { facts, table } from './render.ts'
import { attestationIn, readGivenFile } from './text-file.ts'
import { addVerb, type Session, type Verb } from './verb.ts'

const COLUMNS = ['id', 'status', 'thumbprint', 'bound', 'createdAt', 'retiresAt', 'revokedAt', 'refusedAt']

const list: Verb = {
  signature: 'list [agent]',
  summary: 'list the keys of an agent; without a name, those of the agent whose token is set',
  async run({ args: [agent], operator, agent: asAgent }) {
    const own = agent === undefined
    const client = own ? asAgent() : operator()
    const json = await client.ask({ method: 'GET', path: own ? '/agents/self/keys' : pathOf('agents', agent, 'keys') })
    return { json, text: table(json.items, COLUMNS, 'no keys') }
  },
}

const revoke: Verb = {
  signature: 'revoke <agent> <key>',
  summary: 'revoke a key: sign-ins made with it end at once',
  options: [{ flags: '--keep-last', about: 'refuse if it is the last one' }],
  async run({ args: [agent, key], options, operator }) {
    const evenLast = options.keepLast === true ? '?evenLast=false' : ''
    const path = `${pathOf('agents', agent, 'keys', key)}${evenLast}`
    const json = await operator().ask({ method: 'DELETE', path })
    return { json, text: `revoked ${key}` }
  },
}

const add: Verb = {
  signature: 'add <agent>',
  summary: 'add a key that the agent has made, with its proof of possession',
  options: [
    { flags: '--public-key <file>', about: 'its public key, PEM', required: true },
    {
      flags: '--proof <file>',
      about: 'the proof, as `claviger agent proof` prints it; good for a minute',
      required: true,
    },
    { flags: '--attestation <file>', about: 'what hardware says of it, JSON; kept and shown' },
  ],
  async run({ args: [agent], options, operator }) {
    const body = {
      publicKey: readGivenFile(options.publicKey),
      proof: readGivenFile(options.proof).trim(),
      ...attestationIn(options.attestation),
    }
    const json = await operator().ask({ method: 'POST', path: pathOf('agents', agent, 'keys'), body })
    return { json, text: facts(json) }
  },
}

/** `claviger agent key list | add | revoke`; `rotate` stands with what an agent does itself. */
export function agentKeyCommands(agent: Command, session: Session): Command {
  const key = agent.command('key').description('public keys by which agents sign in; the private halves stay with them')
  for (const verb of [list, add, revoke]) addVerb(key, session, verb)
  return key
}
