// Reads the arguments of a command line, runs one command of those that it was given, says how it went.
import { Command, CommanderError } from 'commander'
import { Problem } from '../ground/problem.ts'
import { VERSION } from '../version.ts'
import { marked } from './dashed-operand.ts'
import { exitCode, exitCodeHelp, exitCodeOf } from './exit-codes.ts'
import { cliProblem } from './problems.ts'
import { processTerminal, say, type Terminal } from './terminal.ts'
import { isMisplacedSecret, MISSING_OPTION, type Session } from './verb.ts'

/** Adds a command, or a family of them, to the program. */
export type Family = (program: Command, session: Session) => void

/** Runs one command line (without node and script). Resolves to the exit code; never throws, never ends the process. */
export type Run = (argv: readonly string[], terminal?: Terminal) => Promise<number>

export function commandLine(families: readonly Family[]): Run {
  return async (argv, terminal = processTerminal) => {
    const session: Session = { terminal: { ...terminal, umask: process.umask(0o077) }, exitCode: exitCode.ok }
    try {
      if (ownPart(argv).some(isMisplacedSecret)) throw cliProblem('secret_in_argv')
      await program(families, session).parseAsync(argv.map(marked), { from: 'user' })
      return session.exitCode
    } catch (error) {
      return report(error, terminal, argv)
    }
  }
}

/** The words after `--` are another command's. */
function ownPart(argv: readonly string[]): readonly string[] {
  const end = argv[0] === 'run' ? argv.indexOf('--') : -1
  return end === -1 ? argv : argv.slice(0, end)
}

function program(families: readonly Family[], session: Session): Command {
  const { terminal } = session
  const root = new Command('claviger')
    .description(
      'The gateway that carries the keys: agents act, Claviger holds the credentials, decides, and keeps the record.',
    )
    .version(VERSION, '--version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
      outputError: () => {},
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .showHelpAfterError(false)
    .configureHelp({ minWidthToWrap: 30 })
    .addHelpText('after', exitCodeHelp)
  for (const family of families) family(root, session)
  return root
}

function report(error: unknown, terminal: Terminal, argv: readonly string[]): number {
  if (error instanceof CommanderError) return reportUsage(error, terminal, argv)
  if (error instanceof Problem) {
    const lines = [`claviger: ${error.title} [${error.code}]`]
    if (error.detail !== undefined) lines.push(`  why:  ${error.detail}`)
    if (error.hint !== undefined) lines.push(`  hint: ${error.hint}`)
    for (const [name, value] of Object.entries(error.facts)) lines.push(`  ${name}: ${value}`)
    say(terminal, lines.join('\n'))
    return exitCodeOf(error)
  }
  if ((error as NodeJS.ErrnoException)?.code === 'EPIPE') return exitCode.ok
  const frames = error instanceof Error ? (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line)) : []
  const name = error instanceof Error ? error.name : typeof error
  say(terminal, [`claviger: a bug: ${name} [internal_error]`, ...frames.slice(0, 8)].join('\n'))
  return exitCode.bug
}

function reportUsage(error: CommanderError, terminal: Terminal, argv: readonly string[]): number {
  if (error.exitCode === 0) return exitCode.ok
  // `claviger agent` alone prints its help: that is an answer to a question nobody asked.
  if (error.code === 'commander.help') return exitCode.usage
  const [said = '', ...more] = error.message.replace(/^error: /, '').split('\n')
  const why = withoutValues(error.code, said)
  const named = more.find((line) => line !== '')?.replace(/[()]/g, '') ?? 'Add --help to see what it takes.'
  // Its command's options are not ours, once that is said.
  const unparted = argv[0] === 'run' && !argv.includes('--')
  const hint = unparted ? 'Write -- before the command: claviger run --agent coder -- curl …' : named
  say(terminal, `claviger: The command line was not understood [usage]\n  why:  ${why}\n  hint: ${hint}`)
  return exitCode.usage
}

/** What was typed may be a secret in the wrong place: it is repeated only where it looks like one of our words. */
function withoutValues(code: string, said: string): string {
  if (code === 'commander.excessArguments') return 'too many arguments (they are not repeated here)'
  return said.replace(/'([^']*)'/, (quoted, word: string) => {
    // A mandatory option is named with what it takes, in our own words.
    if (code === MISSING_OPTION) return quoted
    const name = word.split('=')[0] ?? ''
    if (/^-{0,2}[a-z-]{1,24}$/.test(name)) return `'${name}'`
    if (code === 'commander.unknownOption') return '(it is not repeated here)'
    return quoted.startsWith("'-") ? 'option' : 'argument'
  })
}
