import type { Command } from 'commander'
import { exitCode } from './exit-codes.ts'
import { agentToken } from './tokens.ts'
import { addVerb, type Session } from './verb.ts'

const MAX_BYTES = 64 * 1024

/**
 * `claviger git-credential`: speaks git's protocol of credential helpers (git-credential(1)). It gives the agent's token for
 * the gateway itself, to which base URLs lead, and for no other place; it keeps nothing.
 */
export function gitCredentialCommand(program: Command, session: Session): void {
  addVerb(program, session, {
    signature: 'git-credential <operation>',
    summary: 'give git the agent token (CLAVIGER_TOKEN) for base URLs of the gateway, and for nothing else',
    examples: [
      "git config --global credential.http://127.0.0.1:4317.helper '!claviger git-credential'",
      'git clone http://127.0.0.1:4317/to/github/octo/hello.git',
    ],
    async run({ args: [operation], terminal, agentUrl }) {
      const asked = attributesOf(await readAll(terminal.stdin))
      // What it does not know a helper lets pass: others are asked, then the user.
      if (operation !== 'get' || !isGateway(asked, agentUrl())) return exitCode.ok
      const token = agentToken(terminal)
      if (token !== undefined) terminal.stdout.write(`username=claviger\npassword=${token}\n`)
      return exitCode.ok
    },
  })
}

type Attributes = ReadonlyMap<string, string>

function isGateway(asked: Attributes, url: string): boolean {
  const { protocol, host } = new URL(url)
  return asked.get('protocol') === protocol.slice(0, -1) && asked.get('host')?.toLowerCase() === host
}

function attributesOf(text: string): Attributes {
  const lines = text.split('\n').filter((line) => line.includes('='))
  return new Map(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
}

async function readAll(stdin: NodeJS.ReadStream): Promise<string> {
  let text = ''
  for await (const chunk of stdin.setEncoding('utf8')) {
    text += chunk
    if (text.length > MAX_BYTES) return ''
  }
  return text
}
