import type { Command } from 'commander'
import { addVerb, type Session, type Verb } from './verb.ts'

interface Shown {
  readonly fingerprint: string
  readonly hosts: readonly string[]
  readonly validTo: string
  readonly certificate: string
}

const show: Verb = {
  signature: 'show',
  summary: 'print the certificate to trust inside tunnels, for the hosts of all services; PEM',
  examples: ['claviger local-ca show > claviger-ca.pem'],
  async run({ operator }) {
    const json: Shown = await operator().ask({ method: 'GET', path: '/local-ca' })
    return { json, text: json.certificate.trimEnd() }
  },
}

const rotate: Verb = {
  signature: 'rotate',
  summary: 'make another key: what trusts the certificate of before is to be given the new one',
  async run({ operator }) {
    const json: Shown = await operator().ask({ method: 'POST', path: '/local-ca/rotate' })
    return { json, text: json.certificate.trimEnd() }
  },
}

/** `claviger local-ca show | rotate`. */
export function localCaCommands(program: Command, session: Session): void {
  const ca = program.command('local-ca').description('who vouches for the hosts of services inside tunnels')
  addVerb(ca, session, show)
  addVerb(ca, session, rotate)
}
