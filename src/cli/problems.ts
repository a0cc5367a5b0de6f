import { problemsOf } from '../ground/problem.ts'

/** What the command line itself refuses. `status` has no meaning here; the exit code follows the code. */
export const cliProblem = problemsOf({
  usage: { status: 400, title: 'The command line was not understood', hint: 'Add --help to see what it takes.' },
  secret_in_argv: {
    status: 400,
    title: 'A secret may not stand on the command line',
    hint: 'Every process of this machine could read it, and your shell keeps it: replace that secret. Use --secret-env, --secret-file, --secret-stdin or the prompt.',
  },
  command_not_started: {
    status: 400,
    title: 'The command cannot be started',
    hint: 'Write it after --, as you would write it without `claviger run`.',
  },
  nothing_to_stand_for: {
    status: 409,
    title: 'The agent was given no credential that a placeholder could stand for',
    hint: 'See `claviger grants`; signing keys (sigv4, hmac) have none: docs/guides/placeholders.md.',
  },
  isolation_unsupported: {
    status: 500,
    title: 'There is no isolation on this machine, so the command was not run',
    hint: 'It needs Linux on x64 or arm64. Elsewhere run the command in a virtual machine: docs/guides/vm-and-container.md.',
  },
  isolation_not_installed: {
    status: 500,
    title: 'bubblewrap is not installed, so the command was not run',
    hint: 'Install it: apt-get install bubblewrap (Debian, Ubuntu), dnf install bubblewrap (Fedora).',
  },
  isolation_refused: {
    status: 500,
    title: 'bubblewrap could not isolate the command, so it was not run',
    hint: 'It says why above. User namespaces must be allowed: sysctl kernel.unprivileged_userns_clone, user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns; in a container they often are not.',
  },
  isolation_folder_refused: {
    status: 400,
    title: 'The command cannot be isolated with this folder',
    hint: 'Change to the folder of a project and run it there; further folders are named with --read and --write.',
  },
  secret_source_missing: {
    status: 400,
    title: 'No secret was given',
    hint: 'Give it with --secret-env NAME, --secret-file FILE or --secret-stdin; on a terminal it is asked for without echo.',
  },
  secret_source_invalid: {
    status: 400,
    title: 'The secret cannot be read from there',
    hint: 'Name a file that is there with --secret-file, or give it with --secret-env NAME, --secret-stdin or at the prompt.',
  },
  service_template_invalid: {
    status: 422,
    title: 'The file is not a template that a service can be made of',
    hint: '`claviger service template validate FILE` names all that is wrong with it.',
  },
  connect_timeout: {
    status: 504,
    title: 'Nobody said yes within ten minutes',
    hint: 'Begin anew; without a browser on this machine: --device.',
  },
  nobody_came: {
    status: 504,
    title: 'Nobody wrote to the bot in time',
    hint: '`claviger channel pair NAME` waits again.',
  },
  not_confirmed: {
    status: 409,
    title: 'It was not confirmed, so nobody was added',
    hint: '`claviger channel pair NAME` waits for somebody else.',
  },
  file_unreadable: {
    status: 400,
    title: 'The file cannot be read',
    hint: 'Look at its name, from the folder you are in, and whether you may read it: `ls -l FILE`.',
  },
  file_not_json: {
    status: 422,
    title: 'That is not a JSON object',
    hint: 'Mend it at that place: names and texts stand in double quotes, and after the last member stands no comma.',
  },
  file_unwritable: {
    status: 400,
    title: 'The file cannot be written',
    hint: 'Name a file in a folder that is there and that you may write to.',
  },
  gateway_not_running: {
    status: 503,
    title: 'The gateway is not running',
    hint: 'Start it with `claviger up` (in the checkout: npm start). If it runs with another home, set CLAVIGER_HOME; at another address, CLAVIGER_URL.',
  },
  gateway_certificate_refused: {
    status: 502,
    title: 'The certificate of the gateway is not trusted',
    hint: 'Is this its address, and one that the certificate names? One of your own is trusted with NODE_EXTRA_CA_CERTS=cert.pem.',
  },
  gateway_broken_off: {
    status: 502,
    title: 'The gateway ended the connection before it answered',
    hint: 'If it speaks TLS, the address begins with https. Else look at its log on stderr; `claviger doctor` looks at the rest.',
  },
  socket_unsafe: {
    status: 500,
    title: 'The operators’ socket is not ours',
    hint: 'Run this as the user who runs the gateway. If you are that user, somebody else made this socket: look before you go on.',
  },
  operator_token_missing: {
    status: 401,
    title: 'This needs the operator token',
    hint: 'Set CLAVIGER_OPERATOR_TOKEN or CLAVIGER_OPERATOR_TOKEN_FILE. It was printed at the first start; with the gateway stopped `claviger operator token reset` makes a new one.',
  },
  agent_token_missing: {
    status: 401,
    title: 'This needs an agent token',
    hint: 'Set CLAVIGER_TOKEN or CLAVIGER_TOKEN_FILE; `claviger token issue AGENT` makes one, and `claviger login` for an agent with a key.',
  },
  log_missing: {
    status: 404,
    title: 'There is no audit log here',
    hint: 'Name the folder of a log with --dir, or another home with CLAVIGER_HOME.',
  },
  checkpoint_missing: {
    status: 404,
    title: 'The checkpoint cannot be read',
    hint: 'Name a file that is there: `claviger audit prove --checkpoint --out FILE` makes one.',
  },
  proof_missing: {
    status: 404,
    title: 'The proof cannot be read',
    hint: 'Name a file that is there: `claviger audit prove --seq NUMBER --out FILE` makes one.',
  },
  verifier_key_missing: {
    status: 404,
    title: 'The verifier key cannot be read',
    hint: 'Name a file that is there: it is log.vkey in the folder of the log, best a copy of it kept elsewhere.',
  },
  import_file_changed: {
    status: 409,
    title: 'A file was changed by others',
    hint: 'Look at what changed it, and give the command again.',
  },
  vault_home_missing: {
    status: 404,
    title: 'There is no installation of agentic-credential-vault',
    hint: 'Name its folder: the one with config/services and data in it.',
  },
  vault_file_damaged: {
    status: 422,
    title: 'A file of agentic-credential-vault cannot be understood; nothing was done',
    hint: 'Take it from a backup, or put it out of the folder and import without it.',
  },
  clauth_home_missing: {
    status: 404,
    title: 'There is no installation of Clauth',
    hint: 'Name the folder of one; it is ~/.clauth where CLAUTH_HOME says nothing else.',
  },
  clauth_file_damaged: {
    status: 422,
    title: 'A file of Clauth cannot be understood; nothing was done',
    hint: 'Take it from a backup, or put it out of the folder and import without it.',
  },
  clauth_passphrase_wrong: {
    status: 403,
    title: 'The passphrase does not open vault.enc, or vault.enc was changed; nothing was done',
    hint: 'It is what CLAUTH_PASSPHRASE or CLAUTH_PASSPHRASE_FILE is set to for the daemon.',
  },
  clauth_grant_missing: { status: 404, title: 'No matching active grant found.' },
  import_journal_unknown: {
    status: 404,
    title: 'There is no such import',
    hint: '`claviger import list` shows those of this home.',
  },
  import_journal_damaged: {
    status: 500,
    title: 'The journal of the import was changed by other hands, or belongs to another home',
    hint: 'Take it from a backup of the home.',
  },
  token_file_invalid: {
    status: 400,
    title: 'The token file cannot be used',
    hint: 'Name a file that holds the token and nothing else, for you alone to read (chmod 600), or set the variable without _FILE to the token.',
  },
})
