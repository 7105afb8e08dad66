import { useMemo } from 'preact/hooks';
import { ActivityPage } from './activity/activity-page';
import { Failure } from './api/api-error';
import * as calls from './api/calls';
import { ConfigurationPage } from './configuration/configuration-page';
import { AppContext, type AppState } from './context';
import { WhyPage } from './field-access/field-access-page';
import { KeysPage } from './keys/keys-page';
import { hrefOf, type Page, type Route, useRoute } from './page-route';
import { FailureNote } from './ui/error-notice';
import { Icon, type IconName } from './ui/icon';
import { Toasts, useToasts } from './ui/toasts';
import { useLoad } from './use-load';

const TABS: readonly { page: Page; label: string; icon: IconName }[] = [
  { page: 'keys', label: 'API keys', icon: 'key' },
  { page: 'configuration', label: 'Configuration', icon: 'sliders' },
  { page: 'why', label: 'Why is a field missing?', icon: 'question' },
  { page: 'activity', label: 'Activity', icon: 'activity' },
];

/** Choices that the app could not give are none: everything can be typed as well. Being signed out is another matter. */
async function orNone<T>(choices: Promise<T[]>): Promise<T[]> {
  try {
    return await choices;
  } catch (error) {
    if (error instanceof Failure && error.code === 'internal_error') return [];
    throw error;
  }
}

async function readAll() {
  const [session, permissions, agents, metrics] = await Promise.all([
    calls.getSession(),
    calls.getPermissions(),
    orNone(calls.getAgents()),
    orNone(calls.getMetrics()),
  ]);
  return { session, permissions, agents, metrics };
}

function Content({ route }: { readonly route: Route }) {
  switch (route.page) {
    case 'keys':
      return <KeysPage />;
    case 'configuration':
      return <ConfigurationPage params={route.params} />;
    case 'why':
      return <WhyPage params={route.params} />;
    case 'activity':
      return <ActivityPage params={route.params} />;
  }
}

function Header({ route, app }: { readonly route: Route; readonly app: AppState | null }) {
  return (
    <header class="top">
      <div class="bar">
        <span class="brand">
          <Icon name="key" />
          keyscope
        </span>
        {app && (
          <p class="who">
            <span class="workspace" title="Workspace">
              <bdi>{app.session.workspaceId}</bdi>
            </span>
            {app.session.actor !== null && (
              <span class="actor" title="Signed in">
                <bdi>{app.session.actor}</bdi>
              </span>
            )}
            {app.session.readOnly && <span class="badge">Read only</span>}
          </p>
        )}
      </div>
      <nav class="tabs" aria-label="Pages">
        {TABS.map(({ page, label, icon }) => (
          <a key={page} href={hrefOf(page)} aria-current={route.page === page ? 'page' : undefined}>
            <Icon name={icon} />
            {label}
          </a>
        ))}
      </nav>
    </header>
  );
}

export function App() {
  const route = useRoute();
  const { text, toast } = useToasts();
  const { data, failure, loading, reload } = useLoad('app', readAll);
  const app = useMemo(() => (data === undefined ? null : { ...data, toast }), [data, toast]);

  return (
    <>
      <Header route={route} app={app} />
      {app ? (
        <AppContext.Provider value={app}>
          <Content key={route.page} route={route} />
        </AppContext.Provider>
      ) : (
        <main>
          <h1 class="visually-hidden">API keys</h1>
          {failure && !loading && (
            <FailureNote what="The page could not be loaded." failure={failure} signInUrl={null} onRetry={reload} />
          )}
          {loading && <p class="loading">Loading …</p>}
        </main>
      )}
      <Toasts text={text} />
    </>
  );
}
