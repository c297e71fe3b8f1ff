"""The words of the pages in English, German and French. What the store itself says of a fault stays English."""

from __future__ import annotations

from collections.abc import Iterable

LANGUAGES = ("en", "de", "fr")

WORDS: dict[str, tuple[str, str, str]] = {
    # Every page
    "to_content": ("Skip to the content", "Zum Inhalt springen", "Aller au contenu"),
    "search": ("Search", "Suchen", "Chercher"),
    "search_in": ("Search names in {folder}", "Namen in {folder} suchen", "Chercher des noms dans {folder}"),
    # A folder
    "folders_above": ("Folders above", "Übergeordnete Ordner", "Dossiers parents"),
    "no_name": ("(no name)", "(ohne Namen)", "(sans nom)"),
    "kinds": ("Kinds", "Arten", "Genres"),
    "all": ("All", "Alle", "Tous"),
    "images": ("Images", "Bilder", "Images"),
    "video": ("Video", "Videos", "Vidéos"),
    "audio": ("Audio", "Audio", "Audio"),
    "documents": ("Documents", "Dokumente", "Documents"),
    "models": ("Models", "Modelle", "Modèles"),
    "other": ("Other", "Andere", "Autres"),
    "folder": ("Folder", "Ordner", "Dossier"),
    "view": ("View", "Ansicht", "Affichage"),
    "grid": ("Grid", "Raster", "Grille"),
    "list": ("List", "Liste", "Liste"),
    "sort": ("Sort", "Sortieren", "Trier"),
    "by_name": ("Name", "Name", "Nom"),
    "by_size": ("Largest", "Größte", "Plus gros"),
    "by_date": ("Newest", "Neueste", "Plus récents"),
    "by_kind": ("Kind", "Art", "Genre"),
    "of_index": ("{count} names as of", "{count} Namen, Stand:", "{count} noms, état au"),
    "index_most": ("The store has more.", "Der Speicher hat mehr.", "Le stockage en a d’autres."),
    "index_there": (
        "The names are gathered by now.",
        "Die Namen sind jetzt gesammelt.",
        "Les noms sont maintenant collectés.",
    ),
    "index_walk": (
        "The names of all folders are being gathered, {count} so far.",
        "Die Namen aller Ordner werden gesammelt, bisher {count}.",
        "Collecte des noms de tous les dossiers en cours, {count} jusqu’ici.",
    ),
    "look_again": ("Look again", "Noch einmal suchen", "Chercher à nouveau"),
    "looked": (
        "This page looked through {count} names; the next one goes on from there.",
        "Diese Seite hat {count} Namen durchgesehen; die nächste macht dort weiter.",
        "Cette page a parcouru {count} noms ; la suivante continue à partir de là.",
    ),
    "not_indexed": ("The names cannot be gathered:", "Namen nicht gesammelt:", "Collecte des noms impossible :"),
    "within": ("Sorted within this page.", "Innerhalb dieser Seite sortiert.", "Trié dans cette page."),
    "found": (
        "Names with “{q}” in {folder} and the folders below.",
        "Namen mit „{q}“ in {folder} und den Ordnern darunter.",
        "Noms avec « {q} » dans {folder} et les dossiers en dessous.",
    ),
    "stop_search": ("End the search", "Suche beenden", "Terminer la recherche"),
    "nothing": ("Nothing is here.", "Hier ist nichts.", "Il n’y a rien ici."),
    "nothing_yet": (
        "Nothing so far; the next page looks further.",
        "Bisher nichts; die nächste Seite sucht weiter.",
        "Rien pour l’instant ; la page suivante cherche plus loin.",
    ),
    "nothing_fits": ("Nothing fits.", "Nichts passt.", "Rien ne correspond."),
    "contents": ("Folders and assets", "Ordner und Dateien", "Dossiers et fichiers"),
    "foreign": ("not a key of ours", "kein Schlüssel von uns", "clé étrangère"),
    "pages": ("Pages", "Seiten", "Pages"),
    "first_page": ("First page", "Erste Seite", "Première page"),
    "next_page": ("Next page", "Nächste Seite", "Page suivante"),
    # An asset
    "open_or_save": ("Open or save the file", "Datei öffnen oder speichern", "Ouvrir ou enregistrer le fichier"),
    "key": ("Key", "Schlüssel", "Clé"),
    "type": ("Type", "Typ", "Type"),
    "size": ("Size", "Größe", "Taille"),
    "bytes": ("{count} bytes", "{count} Bytes", "{count} octets"),
    "empty_file": ("The file is empty.", "Die Datei ist leer.", "Le fichier est vide."),
    "written": ("Written", "Geschrieben", "Écrit"),
    "digest": ("Digest", "Prüfsumme", "Empreinte"),
    "metadata": ("Metadata", "Metadaten", "Métadonnées"),
    "public_link": ("Public link", "Öffentlicher Link", "Lien public"),
    "signed_for": ("Signed link for", "Signierter Link für", "Lien signé pour"),
    "15_minutes": ("15 minutes", "15 Minuten", "15 minutes"),
    "60_minutes": ("1 hour", "1 Stunde", "1 heure"),
    "1440_minutes": ("1 day", "1 Tag", "1 jour"),
    "10080_minutes": ("7 days", "7 Tage", "7 jours"),
    "make_link": ("Make a link", "Link machen", "Créer un lien"),
    "the_link": ("Signed link", "Signierter Link", "Lien signé"),
    "markdown": ("Markdown", "Markdown", "Markdown"),
    "to_copy": ("To copy", "Zum Kopieren", "À copier"),
    "copy": ("Copy", "Kopieren", "Copier"),
    "copied": ("Copied", "Kopiert", "Copié"),
    "not_copied": (
        "Not copied; copy what is selected",
        "Nicht kopiert; bitte das Markierte kopieren",
        "Non copié ; copiez la sélection",
    ),
    # What an asset holds
    "artist": ("Artist", "Interpret", "Artiste"),
    "cover": ("Cover of {name}", "Cover von {name}", "Pochette de {name}"),
    "copy_shown": (
        "Browsers do not draw this type of picture: this is a copy, which may be smaller.",
        "Browser zeichnen diesen Bildtyp nicht: Dies ist eine Kopie, die kleiner sein kann.",
        "Les navigateurs n’affichent pas ce type d’image : ceci est une copie, parfois réduite.",
    ),
    "not_played": (
        "Not every browser plays this type; save the file to play it elsewhere.",
        "Nicht jeder Browser spielt diesen Typ ab; speichern Sie die Datei, um sie anderswo abzuspielen.",
        "Tous les navigateurs ne lisent pas ce type ; enregistrez le fichier pour le lire ailleurs.",
    ),
    "not_drawn": (
        "Pictures of this type are not shown here; save the file to look at it.",
        "Bilder dieses Typs werden hier nicht gezeigt; speichern Sie die Datei, um sie anzusehen.",
        "Les images de ce type ne sont pas affichées ici ; enregistrez le fichier pour la voir.",
    ),
    "dimensions": ("Dimensions", "Maße", "Dimensions"),
    "entries": ("{count} entries.", "{count} Einträge.", "{count} entrées."),
    "first_shown": ("These are the first {count}.", "Dies sind die ersten {count}.", "Voici les {count} premières."),
    "goes_on": (
        "This is the beginning; the asset goes on.",
        "Dies ist der Anfang; das Asset geht weiter.",
        "Ceci est le début ; la suite est dans le fichier.",
    ),
    "length": ("Length", "Länge", "Durée"),
    "loudest": ("It is loudest at {time}.", "Am lautesten ist es bei {time}.", "Le plus fort est à {time}."),
    "no_waveform": (
        "This browser cannot decode the sound.",
        "Dieser Browser kann den Klang nicht dekodieren.",
        "Ce navigateur ne peut pas décoder ce son.",
    ),
    "broken_model": (
        "This model cannot be shown here.",
        "Dieses Modell kann hier nicht gezeigt werden.",
        "Ce modèle ne peut pas être affiché ici.",
    ),
    "model": ("Model {name}", "Modell {name}", "Modèle {name}"),
    "packed": ("Packed", "Gepackt", "Comprimé"),
    "pangram": (
        "The quick brown fox jumps over the lazy dog.",
        "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich.",
        "Portez ce vieux whisky au juge blond qui fume.",
    ),
    "pixels": ("{width} × {height} pixels", "{width} × {height} Pixel", "{width} × {height} pixels"),
    "sample_rate": ("Sample rate", "Abtastrate", "Fréquence d’échantillonnage"),
    "song": ("Title", "Titel", "Titre"),
    "specimen": ("Specimen of the font", "Schriftprobe", "Spécimen de la police"),
    "turn": ("Turn", "Drehen", "Tourner"),
    "waveform": ("Waveform", "Wellenform", "Forme d’onde"),
    # The statistics
    "about": ("About the store", "Über den Speicher", "À propos du stockage"),
    "stats": ("Statistics", "Statistik", "Statistiques"),
    "in_all": ("{count} assets, {size}.", "{count} Dateien, {size}.", "{count} fichiers, {size}."),
    "counting": (
        "Still counting; reload the page for more.",
        "Es wird noch gezählt; laden Sie die Seite neu, um mehr zu sehen.",
        "Le comptage continue ; rechargez la page pour la suite.",
    ),
    "counted_most": (
        "There are more: only the first {most} were counted.",
        "Es gibt mehr: nur die ersten {most} wurden gezählt.",
        "Il y en a d’autres : seuls les {most} premiers sont comptés.",
    ),
    "not_counted": ("The count failed:", "Das Zählen schlug fehl:", "Le comptage a échoué :"),
    "as_of": ("As of", "Stand:", "État au"),
    "kind": ("Kind", "Art", "Genre"),
    "folders": ("Folders", "Ordner", "Dossiers"),
    "in_no_folder": ("in no folder", "in keinem Ordner", "hors dossier"),
    "months": ("Months", "Monate", "Mois"),
    "month": ("Written in", "Geschrieben im", "Écrit en"),
    "assets": ("Assets", "Dateien", "Fichiers"),
    "share": ("Share of the bytes", "Anteil an den Bytes", "Part des octets"),
    "the_rest": ("the rest", "der Rest", "le reste"),
    "use": ("Use and cost", "Nutzung und Kosten", "Usage et coût"),
    "no_use": (
        "No operations were counted. The setting stats of the store keeps such counts.",
        "Es wurden keine Zugriffe gezählt. Die Einstellung stats des Speichers bewahrt solche Zahlen auf.",
        "Aucune opération comptée. Le réglage stats du stockage garde ces nombres.",
    ),
    "operation": ("Operation", "Vorgang", "Opération"),
    "count": ("Count", "Anzahl", "Nombre"),
    "errors": ("Errors", "Fehler", "Erreurs"),
    "class": ("Class {name}", "Klasse {name}", "Classe {name}"),
    "cost": ("Cost", "Kosten", "Coût"),
    "total": ("Total", "Summe", "Total"),
    "cost_note": (
        "By the store's prices (R2's are US dollars), without storage, free tiers and rounding.",
        "Nach den Preisen des Speichers (bei R2 US-Dollar), ohne Speicherplatz, Freimengen und Rundung.",
        "Aux prix du stockage (R2 : dollars américains), sans stockage, quotas gratuits ni arrondi.",
    ),
    # The entrance
    "open_link": (
        "Open the link that is printed where {program} runs. It works once, and lets this browser in until the server ends.",
        "Öffnen Sie den Link, den {program} ausgibt. Er gilt einmal und lässt diesen Browser ein, bis der Server endet.",
        "Ouvrez le lien affiché par {program}. Il marche une fois et ouvre à ce navigateur jusqu’à l’arrêt du serveur.",
    ),
    "wrong_token": ("This is not the token.", "Das ist nicht das Token.", "Ce n’est pas le jeton."),
    "too_many_tokens": (
        "There were too many wrong tokens: wait a minute.",
        "Es waren zu viele falsche Token: bitte eine Minute warten.",
        "Trop de jetons faux : attendez une minute.",
    ),
    "give_token": ("Or give the server's token", "Oder das Token des Servers angeben", "Ou donnez le jeton du serveur"),
    "log_in": ("Log in", "Anmelden", "Se connecter"),
    # The picker
    "choose_one": ("Choose", "Wählen", "Choisir"),
    "up": ("Up", "Nach oben", "Remonter"),
    "nothing_to_choose": ("Nothing to choose here.", "Hier gibt es nichts zu wählen.", "Rien à choisir ici."),
    # Changes
    "change": ("Change", "Ändern", "Modifier"),
    "choose_all": ("Choose all", "Alle wählen", "Tout choisir"),
    "rename": ("Rename", "Umbenennen", "Renommer"),
    "move": ("Move", "Verschieben", "Déplacer"),
    "edit": ("Edit", "Bearbeiten", "Modifier"),
    "delete": ("Delete", "Löschen", "Supprimer"),
    "delete?": ("Delete?", "Löschen?", "Supprimer ?"),
    "save": ("Save", "Speichern", "Enregistrer"),
    "close": ("Close", "Schließen", "Fermer"),
    "keyboard": ("Keyboard", "Tastatur", "Clavier"),
    "new_name": ("New name", "Neuer Name", "Nouveau nom"),
    "to_folder": ("To the folder", "In den Ordner", "Vers le dossier"),
    "media_type": ("Media type", "Medientyp", "Type de média"),
    "metadata_lines": (
        "Metadata, a line each: name: text",
        "Metadaten, je eine Zeile: Name: Text",
        "Métadonnées, une par ligne : nom: texte",
    ),
    "to_trash": (
        "They go to the trash, from where they can be restored.",
        "Sie kommen in den Papierkorb und lassen sich von dort wiederherstellen.",
        "Ils vont à la corbeille, d’où l’on peut les restaurer.",
    ),
    "for_good": ("This cannot be undone.", "Das lässt sich nicht rückgängig machen.", "C’est irréversible."),
    "keys_work": (
        "F2 and Delete work everywhere, letters while the focus is on an asset or on these controls.",
        "F2 und Entf gelten überall, Buchstaben, solange der Fokus auf einer Datei oder diesen Bedienelementen liegt.",
        "F2 et Suppr marchent partout, les lettres quand le focus est sur un fichier ou sur ces commandes.",
    ),
    "delete_key": ("Delete", "Entf", "Suppr"),
    "key_choose": ("choose the asset", "die Datei wählen", "choisir le fichier"),
    "key_choose_all": ("choose all or none", "alle oder keine wählen", "tout choisir ou rien"),
    "key_rename": ("rename", "umbenennen", "renommer"),
    "key_move": ("move", "verschieben", "déplacer"),
    "key_edit": ("edit", "bearbeiten", "modifier"),
    "key_delete": ("delete", "löschen", "supprimer"),
    "key_uploads": ("go to the uploads", "zum Hochladen gehen", "aller aux envois"),
    "key_help": ("show this", "dies zeigen", "afficher ceci"),
    # The trash
    "trash": ("Trash", "Papierkorb", "Corbeille"),
    "deleted_at": ("Deleted (UTC)", "Gelöscht (UTC)", "Supprimé (UTC)"),
    "restore": ("Restore", "Wiederherstellen", "Restaurer"),
    "empty": ("Empty the trash", "Papierkorb leeren", "Vider la corbeille"),
    "empty?": ("Empty the trash?", "Papierkorb leeren?", "Vider la corbeille ?"),
    "what_is_emptied": (
        "Everything in it that was deleted before this page was opened is removed, also what stands on other pages.",
        "Alles, was vor dem Öffnen dieser Seite gelöscht wurde, wird entfernt, auch was auf anderen Seiten steht.",
        "Tout ce qui fut supprimé avant l’ouverture de cette page est retiré, y compris sur les autres pages.",
    ),
    # Uploads
    "choose_files": ("Choose files", "Dateien wählen", "Choisir des fichiers"),
    "choose_folder": ("Choose a folder", "Einen Ordner wählen", "Choisir un dossier"),
    "or_drop": ("or drop them on this page.", "oder auf diese Seite ziehen.", "ou déposez-les sur cette page."),
    "all_uploads": ("All uploads", "Alle Uploads", "Tous les envois"),
    "show_uploaded": ("Show what was uploaded", "Hochgeladenes zeigen", "Afficher les envois"),
    "uploads_list": ("Uploads", "Uploads", "Envois"),
    # What the scripts say; they fill in the values
    "and_more": ("and {count} more", "und {count} weitere", "et {count} de plus"),
    "cancel": ("Cancel", "Abbrechen", "Annuler"),
    "cancelled": ("cancelled", "abgebrochen", "annulé"),
    "choose": ("Choose {name}", "{name} wählen", "Choisir {name}"),
    "choose_again": (
        "broken off; choose {name} again to go on",
        "unterbrochen; zum Fortsetzen {name} noch einmal wählen",
        "interrompu ; choisissez {name} à nouveau pour continuer",
    ),
    "choose_file": ("Choose the file", "Datei wählen", "Choisir le fichier"),
    "chosen": ("{count} chosen", "{count} gewählt", "{count} choisis"),
    "deleted": ("{count} deleted", "{count} gelöscht", "{count} supprimés"),
    "delete_one": ("1 asset, {bytes}:", "1 Datei, {bytes}:", "1 fichier, {bytes} :"),
    "delete_what": ("{count} assets, {bytes}:", "{count} Dateien, {bytes}:", "{count} fichiers, {bytes} :"),
    "discard": ("Discard", "Verwerfen", "Abandonner"),
    "edited": ("{name} is changed", "{name} ist geändert", "{name} est modifié"),
    "examining": ("examining", "wird geprüft", "examen"),
    "go_on": ("Go on", "Fortsetzen", "Continuer"),
    "keep_both": ("Keep both", "Beide behalten", "Garder les deux"),
    "moved": ("{count} moved", "{count} verschoben", "{count} déplacés"),
    "pause": ("Pause", "Pause", "Pause"),
    "paused": ("paused", "angehalten", "en pause"),
    "renamed": ("renamed to {name}", "umbenannt in {name}", "renommé en {name}"),
    "replace": ("Replace", "Ersetzen", "Remplacer"),
    "restored": ("{count} restored", "{count} wiederhergestellt", "{count} restaurés"),
    "skip": ("Skip", "Auslassen", "Ignorer"),
    "store_answered": ("the store answered {status}", "der Speicher antwortete {status}", "le stockage a répondu {status}"),
    "taken": ("there is an asset of this name", "es gibt schon eine Datei dieses Namens", "ce nom est déjà pris"),
    "try_again": ("Try again", "Noch einmal versuchen", "Réessayer"),
    "undo": ("Undo", "Rückgängig", "Rétablir"),
    "unreachable": ("it cannot be reached now", "zurzeit nicht erreichbar", "injoignable pour l’instant"),
    "uploaded": ("uploaded", "hochgeladen", "envoyé"),
    "uploading": ("uploading", "wird hochgeladen", "envoi"),
    "uploads": (
        "{done} of {count} files uploaded, {bytes} in all",
        "{done} von {count} Dateien hochgeladen, {bytes} insgesamt",
        "{done} fichiers sur {count} envoyés, {bytes} en tout",
    ),
    "uploads_refused": (
        "{done} of {count} files uploaded, {bytes} in all; {refused} refused",
        "{done} von {count} Dateien hochgeladen, {bytes} insgesamt; {refused} abgelehnt",
        "{done} fichiers sur {count} envoyés, {bytes} en tout ; {refused} refusés",
    ),
    "waiting": ("waiting", "wartet", "en attente"),
}


def language_of(wanted: str) -> str:
    """Return the language of ours that a header Accept-Language likes best, English if it names none."""
    liked: list[tuple[float, str]] = []
    for each in wanted.split(","):
        name, _, weight = each.partition(";")
        try:
            liked.append((float(weight.strip().removeprefix("q=") or 1), name.strip().lower().partition("-")[0]))
        except ValueError:
            continue  # a weight that is not a number
    known = [(weight, name) for weight, name in liked if name in LANGUAGES and weight > 0]
    return max(known, key=lambda each: each[0])[1] if known else "en"


def say(language: str, name: str, /, **values: object) -> str:
    """Return a text of the table with its values."""
    return WORDS[name][LANGUAGES.index(language)].format(**values)


def named(language: str, name: str) -> str:
    """Return a name, or what stands for one in which nothing is to be seen."""
    is_seen = any(each.isprintable() and not each.isspace() for each in name)
    return name if is_seen else say(language, "no_name")


def words_for_scripts(language: str, names: Iterable[str]) -> dict[str, str]:
    """Return texts of the table whose values a script fills in."""
    return {name: WORDS[name][LANGUAGES.index(language)] for name in names}
