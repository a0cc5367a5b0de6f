import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { agentClient, type GatewayClient } from './client.ts'
import type { ExitCode } from './exit-codes.ts'
import { placeholderVariables } from './placeholder-variables.ts'
import { cliProblem } from './problems.ts'
import { proxied, secretNames } from './run-environment.ts'
import { say } from './terminal.ts'
import { seconds } from './values.ts'
import { addVerb, type Invocation, type Session, type Verb } from './verb.ts'

const run: Verb = {
  signature: 'run <command...>',
  summary: 'run a command whose HTTP calls go through the gateway, as an agent, with a token that ends with it',
  options: [
    { flags: '--agent <agent>', about: 'whose calls they are', required: true },
    {
      flags: '--ttl <time>',
      about: 'how long the token may live, if the command runs so long: 1h if not said, at most 12h',
    },
    { flags: '--keep-env <name>', about: 'leave this variable, which looks like a secret, to the command', many: true },
  ],
  examples: [
    'claviger run --agent coder -- curl https://api.github.com/user',
    'claviger run --agent coder --ttl 8h -- npm test',
  ],
  async run(invocation) {
    const { args, options, terminal, operator, agentUrl } = invocation
    const command = args.filter((one) => one !== undefined)
    const ttlSeconds = seconds(options.ttl ?? '1h', '--ttl', { most: '12h' })
    const label = `run: ${command[0]}`.slice(0, 64)
    const client = operator()
    const issued = await client.ask({
      method: 'POST',
      path: '/tokens',
      body: { agent: options.agent, ttlSeconds, label },
    })
    const folder = mkdtempSync(join(tmpdir(), 'claviger-run-'))
    try {
      const ca = join(folder, 'claviger-ca.pem')
      const { certificate, hosts } = await localCa(agentUrl(), issued.token)
      writeFileSync(ca, certificate, { mode: 0o600 })
      const removed = secretNames(terminal.env, new Set(options.keepEnv ?? []))
      if (removed.length > 0) say(terminal, `not in the command's environment: ${removed.join(', ')}`)
      const env = {
        ...proxied(terminal.env, { proxy: proxyUrl(agentUrl(), issued.token), ca, hosts }, removed),
        ...(await placeholders(invocation, issued.token)),
      }
      return (await ended(command, env, terminal.umask)) as ExitCode
    } finally {
      rmSync(folder, { recursive: true, force: true })
      await revoke(client, issued.id, invocation)
    }
  },
}

async function localCa(url: string, token: string): Promise<{ certificate: string; hosts: string[] }> {
  const agent = agentClient(url, token)
  try {
    return await agent.ask({ method: 'GET', path: '/agents/self/local-ca' })
  } finally {
    await agent.close()
  }
}

/** What stands for the keys of the agent's services; not where the command is to have a variable of that name as it is. */
async function placeholders({ options, terminal, agentUrl }: Invocation, token: string) {
  const agent = agentClient(agentUrl(), token)
  try {
    const { items } = await agent.ask({ method: 'POST', path: '/agents/self/placeholders', body: {} })
    const kept = new Set<string>(options.keepEnv ?? [])
    const given = Object.entries(placeholderVariables(items)).filter(([name]) => !kept.has(name))
    if (given.length > 0) say(terminal, `placeholders in its environment: ${given.map(([name]) => name).join(', ')}`)
    return Object.fromEntries(given)
  } finally {
    await agent.close()
  }
}

function proxyUrl(url: string, token: string): string {
  const proxy = new URL(url)
  // Some clients send nothing for a user without a password.
  proxy.username = 'claviger'
  proxy.password = token
  return proxy.href.replace(/\/$/, '')
}

/** A token that cannot be revoked now ends by itself; whoever ran the command is told. */
async function revoke(client: GatewayClient, id: string, { terminal }: Invocation): Promise<void> {
  await client.ask({ method: 'DELETE', path: `/tokens/${id}` }).catch(() => {
    say(terminal, `the token ${id} could not be revoked: \`claviger token revoke ${id}\` does it`)
  })
}

/** Resolves to the command's exit code, 128 and the signal's number if one ended it. Signals are the command's. */
function ended([file = '', ...args]: readonly string[], env: NodeJS.ProcessEnv, umask = 0o022): Promise<number> {
  return new Promise((resolve, reject) => {
    const own = process.umask(umask)
    const child = spawn(file, args, { stdio: 'inherit', env })
    process.umask(own)
    const pass = (signal: NodeJS.Signals) => {
      // A terminal sends this one to the whole group: passing it on would deliver it twice.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    }
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
    for (const signal of signals) process.on(signal, pass)
    const over = () => {
      for (const signal of signals) process.off(signal, pass)
    }
    child.once('error', (error: NodeJS.ErrnoException) => {
      over()
      reject(cliProblem('command_not_started', { facts: { command: file, reason: error.code ?? 'unknown' } }))
    })
    child.once('exit', (code, signal) => {
      over()
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]))
    })
  })
}

/** `claviger run`. */
export function runCommand(program: Command, session: Session): void {
  addVerb(program, session, run)
}
