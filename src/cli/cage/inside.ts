/**
 * The first program in a cage: makes the gateway's address there reach the gateway's socket, starts the command, and passes
 * on what becomes of it. It imports nothing of ours: it needs no more of the disk than this file.
 *
 * Arguments: the socket, the port, then the command. Descriptor 3 leads to `claviger run`: `ready` and `failed <why>` go
 * out, names of signals come in. What comes out of a cage is believed no further than that.
 */
import { spawn } from 'node:child_process'
import { connect, createServer, Socket } from 'node:net'
import { constants } from 'node:os'

const [, , socketPath = '', port = '', file = '', ...args] = process.argv
const outside = new Socket({ fd: 3 })
outside.on('error', () => process.exit(1))

const relay = createServer({ allowHalfOpen: true }, (client) => {
  const gateway = connect({ path: socketPath, allowHalfOpen: true })
  const cut = () => {
    client.destroy()
    gateway.destroy()
  }
  for (const side of [client, gateway]) side.on('error', cut)
  client.once('close', () => gateway.destroy())
  gateway.once('close', () => client.destroy())
  client.pipe(gateway).pipe(client)
})
relay.once('error', (error: NodeJS.ErrnoException) => fail(error.code))
relay.listen(Number(port), '127.0.0.1', () => {
  outside.write('ready\n')
  start()
})

function start(): void {
  // Of a terminal's signals the command has its own.
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGTERM'] as const) process.on(signal, () => {})
  const command = spawn(file, args, { stdio: 'inherit' })
  command.once('error', (error: NodeJS.ErrnoException) => fail(error.code))
  command.once('exit', (code, signal) => process.exit(code ?? 128 + (signal === null ? 0 : constants.signals[signal])))
  outside.setEncoding('utf8').on('data', (text: string) => {
    for (const name of text.split('\n')) if (name in constants.signals) command.kill(name as NodeJS.Signals)
  })
}

function fail(reason = 'unknown'): void {
  outside.end(`failed ${reason}\n`, () => process.exit(1))
}
