"""The endpoints: a parsed call in, an answer out. Synchronous; changes only the school and the message counter."""

from collections.abc import Callable

from sync_worker.sandbox import answers, rules
from sync_worker.sandbox.answers import Answer, json_answer
from sync_worker.sandbox.dice import share
from sync_worker.sandbox.model import Channel, Json, User, key_of
from sync_worker.sandbox.pages import Page, bookmarked, link_header, numbered, per_page, positive
from sync_worker.sandbox.registry import ROOT_ACCOUNT
from sync_worker.sandbox.render import account_json, channel_json, user_json, with_string_ids
from sync_worker.sandbox.routes import Route
from sync_worker.sandbox.world import Call, Caller, World

Handler = Callable[[World, Call, Caller], Answer]

MIN_SEARCH = 2
"""Characters a search term has at least."""


def answer_call(world: World, call: Call) -> Answer:
    """Authenticate, then carry the call out."""
    if call.target.route is Route.RENEW:
        owner = world.tokens.get(world.options.token)
        user_id = owner.user_id if owner else None
        return world.renewals.renew(call.params, user_id=user_id, now=world.clock.monotonic())
    token = world.tokens.admit(call.token)
    if token is None:
        return answers.invalid_token() if call.token else answers.no_token()
    handler = HANDLERS.get(call.target.route)
    return answers.not_found() if handler is None else handler(world, call, Caller(token=token))


def account_of(world: World, call: Call) -> int | None:
    """The account that the path names (`self` is the root), or None."""
    asked = call.target.account
    if asked == "self":
        return ROOT_ACCOUNT
    account_id = positive(asked)
    return account_id if account_id in world.school.accounts else None


def list_channels(world: World, call: Call, caller: Caller) -> Answer:
    """GET …/communication_channels."""
    user = _reach(world, call, caller, empty=True)
    if isinstance(user, Answer):
        return user
    size = per_page(call.params.get("per_page"), world.options.per_page_cap)
    counted = share("last", world.options.seed, user.id) < world.options.last_link_share
    page = numbered(user.live_channels(), call.params.get("page"), size, with_last=counted)
    shown = [_show(world, caller, channel) for channel in page.items]
    return _page(call, link_header(call.url, call.query, page), shown)


def create(world: World, call: Call, caller: Caller) -> Answer:
    """POST …/communication_channels."""
    user = _reach(world, call, caller)
    if isinstance(user, Answer):
        return user
    made = world.school.post(user, _wish(call, caller), world.limits())
    if isinstance(made, rules.Refusal):
        return answers.errors_answer(made.status, made.errors)
    world.counters.messages += made.message
    return _one(call, _show(world, caller, made.channel))


def delete(world: World, call: Call, caller: Caller) -> Answer:
    """DELETE …/communication_channels/:id."""
    user = _reach(world, call, caller)
    if isinstance(user, Answer):
        return user
    asked = call.target.channel_id
    return _delete(world, call, caller, next((c for c in user.channels if str(c.id) == asked), None))


def delete_by_address(world: World, call: Call, caller: Caller) -> Answer:
    """DELETE …/communication_channels/:type/:address."""
    user = _reach(world, call, caller)
    if isinstance(user, Answer):
        return user
    return _delete(world, call, caller, rules.find(user, key_of(call.target.type, call.target.address)))


def delete_push(world: World, call: Call, caller: Caller) -> Answer:
    """DELETE /users/self/communication_channels/push: forgets a device, keeps the channel."""
    user = _reach(world, call, caller)
    if isinstance(user, Answer):
        return user
    token = call.params.get("push_token", "")
    if not token:
        return answers.errors_answer(400, {"push_token": "is required"})
    user.push_tokens.discard(token.lower())
    return json_answer({"success": True})


def list_users(world: World, call: Call, caller: Caller) -> Answer:
    """GET /accounts/:id/users, by id."""
    account_id = account_of(world, call)
    if account_id is None:
        return answers.not_found()
    if not caller.admin:
        return answers.unauthorized()
    term = call.params.get("search_term")
    if term is not None and len(term) < MIN_SEARCH:
        return answers.errors_answer(400, {"search_term": f"{MIN_SEARCH} or more characters is required"})
    listed = world.school.listed(account_id)
    ids = listed if term is None else _search(world, listed, term.lower())
    page = _user_page(world, call, ids)
    email = ("include[]", "email") in call.query
    users = world.school.users
    shown = [user_json(users[i], admin=True, email=email) for i in page.items]
    return _page(call, link_header(call.url, call.query, page), shown)


def get_user(world: World, call: Call, caller: Caller) -> Answer:
    """GET /users/:id."""
    user = _reach(world, call, caller)
    if isinstance(user, Answer):
        return user
    return _one(call, user_json(user, admin=caller.admin, email=True))


def get_account(world: World, call: Call, caller: Caller) -> Answer:
    """GET /accounts/:id."""
    account_id = account_of(world, call)
    if account_id is None:
        return answers.not_found()
    if not caller.admin:
        return answers.unauthorized()
    return _one(call, account_json(world.school.accounts[account_id], root_id=ROOT_ACCOUNT))


HANDLERS: dict[Route, Handler] = {
    Route.LIST_CHANNELS: list_channels,
    Route.CREATE: create,
    Route.DELETE: delete,
    Route.DELETE_BY_ADDRESS: delete_by_address,
    Route.DELETE_PUSH: delete_push,
    Route.LIST_USERS: list_users,
    Route.GET_USER: get_user,
    Route.GET_ACCOUNT: get_account,
}


def _reach(world: World, call: Call, caller: Caller, *, empty: bool = False) -> User | Answer:
    """The user of the path, or why not; `empty` lets deleted users pass where the option says so."""
    user = call.user
    if user is None:
        return answers.not_found()
    if user.state != "present":
        how = user.deleted_answer or world.options.deleted_user_answer
        if how == "401":
            return answers.unauthorized()
        if how == "404" or not empty:
            return answers.not_found()
    return user if caller.may_manage(user) else answers.unauthorized()


def _user_page(world: World, call: Call, ids: list[int]) -> Page[int]:
    size = per_page(call.params.get("per_page"), world.options.per_page_cap)
    asked = call.params.get("page")
    if world.options.bookmark_links:
        return bookmarked(ids, asked, size)
    counted = share("last", world.options.seed, call.path) < world.options.last_link_share
    return numbered(ids, asked, size, with_last=counted)


def _search(world: World, ids: list[int], term: str) -> list[int]:
    users = world.school.users
    return [i for i in ids if term == str(i) or term in _searchable(users[i])]


def _searchable(user: User) -> str:
    return "\n".join(filter(None, (user.name, user.login_id, user.sis_user_id))).lower()


def _wish(call: Call, caller: Caller) -> rules.Wish:
    """The form fields; `skip_confirmation` is silently ignored from anyone but administrators."""
    asked = call.params.get("skip_confirmation", "").lower() in {"1", "true", "yes", "on"}
    return rules.Wish(
        type=call.params.get("communication_channel[type]", ""),
        address=call.params.get("communication_channel[address]", ""),
        push_token=call.params.get("communication_channel[token]", ""),
        confirmed=asked and caller.may_skip,
    )


def _delete(world: World, call: Call, caller: Caller, channel: Channel | None) -> Answer:
    if channel is None or not channel.live:
        return answers.not_found()
    refusal = rules.refuse_delete(channel, world.limits())
    if refusal is not None:
        return answers.errors_answer(refusal.status, refusal.errors) if refusal.errors else answers.unauthorized()
    rules.retire(channel, now=world.school.now())
    return _one(call, _show(world, caller, channel))


def _show(world: World, caller: Caller, channel: Channel) -> Json:
    options = world.options
    visible = caller.site_admin and options.bounce_visible
    return channel_json(channel, bounces=visible, bounce_count=options.bounce_count_visible)


def _one(call: Call, body: Json) -> Answer:
    return json_answer(with_string_ids(body) if call.string_ids else body)


def _page(call: Call, links: str, items: list[Json]) -> Answer:
    body = [with_string_ids(item) for item in items] if call.string_ids else items
    return json_answer(body, headers={"link": links})
