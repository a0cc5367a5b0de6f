// Which view is shown to whom.
import { useEffect } from 'react'
import { ask } from './api/client.ts'
import { csrf, followOtherTabs, found, leave, useSession } from './api/session.ts'
import type { SignedIn } from './api/types.ts'
import { ApprovalsProvider } from './approvals.tsx'
import { Frame } from './frame.tsx'
import { usePath } from './router.ts'
import { ApprovalView } from './views/approval.tsx'
import { ChannelsView } from './views/channels.tsx'
import { DevicesView } from './views/devices.tsx'
import { EnrolView } from './views/enrol.tsx'
import { HistoryView } from './views/history.tsx'
import { InboxView } from './views/inbox.tsx'
import { PasskeysView } from './views/passkeys.tsx'
import { RecoveredView } from './views/recovered.tsx'
import { SignInView } from './views/sign-in.tsx'
import { TokensView } from './views/tokens.tsx'
import { WindowsView } from './views/windows.tsx'

export function App() {
  const path = usePath()
  const session = useSession()
  useEffect(() => {
    void whoIsThere()
    return followOtherTabs(() => void whoIsThere())
  }, [])
  if (path === '/enrol') return <EnrolView />
  if (session.is === 'asked') return <p className="quiet centred">…</p>
  if (session.is === 'out') return <SignInView />
  if (session.who.recovery) return <RecoveredView />
  return (
    <ApprovalsProvider>
      <Frame who={session.who} path={path}>
        <View path={path} who={session.who} />
      </Frame>
    </ApprovalsProvider>
  )
}

function View({ path, who }: { readonly path: string; readonly who: SignedIn }) {
  const one = /^\/approvals\/(apr_\w+)$/.exec(path)?.[1]
  if (one !== undefined) return <ApprovalView key={one} id={one} role={who.operator.role} />
  if (path === '/history') return <HistoryView />
  if (path === '/windows') return <WindowsView role={who.operator.role} />
  if (path === '/channels') return <ChannelsView role={who.operator.role} />
  if (path === '/devices') return <DevicesView who={who} />
  if (path === '/passkeys') return <PasskeysView who={who} />
  if (path === '/keys') return <TokensView role={who.operator.role} />
  return <InboxView role={who.operator.role} />
}

/** What a reload, or another tab, left of a session. */
async function whoIsThere(): Promise<void> {
  if (csrf() === undefined) return leave()
  try {
    found(await ask<SignedIn>('GET', '/people/session'))
  } catch {
    leave()
  }
}
