import { useEffect, useMemo, useRef } from 'preact/hooks';
import { ActivityPage } from './activity/activity-page';
import { ApiError } from './api/api-error';
import * as calls from './api/calls';
import type { Session } from './api/types';
import { ConfigurationPage } from './configuration/configuration-page';
import { AppContext, type AppState } from './context';
import { hasFeatures } from './features';
import { FieldAccessPage } from './field-access/field-access-page';
import { KeyPage } from './keys/key-page';
import { KeysPage } from './keys/keys-page';
import { hrefOf, type PageName, type PageRoute, useRoute } from './page-route';
import { ReportsPage } from './reports/reports-page';
import { ErrorNotice } from './ui/error-notice';
import { Icon, type IconName } from './ui/icon';
import { Skeleton } from './ui/skeleton';
import { Toasts, useToasts } from './ui/toasts';
import { useLoad } from './use-load';
import { WebhooksPage } from './webhooks/webhooks-page';

interface Tab {
  readonly page: PageName;
  readonly label: string;
  readonly icon: IconName;
  /** True if the page is about features of projects. */
  readonly features?: boolean;
  /** The page is shown only if the app uses it. */
  readonly ifUsed?: 'webhooks' | 'reports';
}

const TABS: readonly Tab[] = [
  { page: 'keys', label: 'API keys', icon: 'key' },
  { page: 'configuration', label: 'Configuration', icon: 'sliders', features: true },
  { page: 'why', label: 'Missing fields', icon: 'question', features: true },
  { page: 'activity', label: 'Activity', icon: 'activity' },
  { page: 'webhooks', label: 'Webhooks', icon: 'send', ifUsed: 'webhooks' },
  { page: 'reports', label: 'Reports', icon: 'eye', ifUsed: 'reports' },
];

/** Choices for forms. If the app fails to return them, there are none: ids can be typed. */
async function orNone<T>(choices: Promise<T[]>): Promise<T[]> {
  try {
    return await choices;
  } catch (error) {
    if (error instanceof ApiError && error.code === 'internal_error') return [];
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

function Content({ route: { page, params } }: { readonly route: PageRoute }) {
  switch (page) {
    case 'keys':
      return <KeysPage params={params} />;
    case 'key':
      return <KeyPage params={params} />;
    case 'configuration':
      return <ConfigurationPage params={params} />;
    case 'why':
      return <FieldAccessPage params={params} />;
    case 'activity':
      return <ActivityPage params={params} />;
    case 'webhooks':
      return <WebhooksPage />;
    case 'reports':
      return <ReportsPage params={params} />;
    case null:
      return (
        <main>
          <h1>Page not found</h1>
          <p class="lead">
            <a href={hrefOf('keys')}>Show the API keys</a>
          </p>
        </main>
      );
  }
}

function isShown({ features, ifUsed }: Tab, app: AppState | null): boolean {
  if (features) return hasFeatures(app?.permissions ?? []);
  return ifUsed === undefined || app?.session[ifUsed] === true;
}

function Tabs({ page, app }: { readonly page: PageName | null; readonly app: AppState | null }) {
  const current = page === 'key' ? 'keys' : page;
  const tabs = useRef<HTMLElement>(null);
  // On a narrow screen, the tabs scroll.
  useEffect(() => {
    tabs.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [current, app]);
  return (
    <nav ref={tabs} class="tabs" aria-label="Pages">
      {TABS.filter((tab) => isShown(tab, app)).map((tab) => (
        <a key={tab.page} href={hrefOf(tab.page)} aria-current={current === tab.page ? 'page' : undefined}>
          <Icon name={tab.icon} />
          {tab.label}
        </a>
      ))}
    </nav>
  );
}

/** The name of the app, which links to its home page. */
function Brand({ session: { title = 'keyscope', homeUrl } }: { readonly session: Session }) {
  return homeUrl ? <a href={homeUrl}>{title}</a> : <bdi>{title}</bdi>;
}

function Header({ route, app }: { readonly route: PageRoute; readonly app: AppState | null }) {
  return (
    <header class="top">
      <div class="bar">
        <span class="brand">
          <Icon name="key" />
          {app && <Brand session={app.session} />}
        </span>
        {app && (
          <p class="who">
            <span class="workspace" title={`Workspace ${app.session.workspaceId}`}>
              <bdi>{app.session.workspaceName ?? app.session.workspaceId}</bdi>
            </span>
            {app.session.actor !== null && (
              <span class="actor" title="Signed in">
                <bdi>{app.session.actor}</bdi>
              </span>
            )}
            {app.session.readOnly && <span class="badge">Read only</span>}
            {app.session.signOutUrl && <a href={app.session.signOutUrl}>Sign out</a>}
          </p>
        )}
      </div>
      <Tabs page={route.page} app={app} />
    </header>
  );
}

export function App() {
  const route = useRoute();
  const { shown, toast, close } = useToasts();
  const { data, error, loading, reload } = useLoad('app', readAll);
  const app = useMemo(() => (data === undefined ? null : { ...data, toast }), [data, toast]);

  return (
    <>
      <Header route={route} app={app} />
      {app ? (
        <AppContext.Provider value={app}>
          <Content key={`${route.page} ${route.page === 'key' ? route.params.key : ''}`} route={route} />
        </AppContext.Provider>
      ) : (
        <main>
          <h1 class="visually-hidden">API keys</h1>
          {error && !loading && <ErrorNotice title="The page could not be loaded." error={error} onRetry={reload} />}
          {loading && <Skeleton label="Loading" lines={8} />}
        </main>
      )}
      <Toasts shown={shown} onClose={close} />
    </>
  );
}
